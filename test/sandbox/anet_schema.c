/* anet_schema.c: the order of members, which is part of Authorize.Net's
 * contract: it turns JSON into XML and checks that against its schema. */
#include "gateways.h"

#include <stdlib.h>
#include <string.h>

#define SPACE "AnetApi/xml/v1/schema/AnetApiSchema.xsd"

struct element {
	const char *name;
	const struct element *of; /* NULL: whatever it holds */
	int most;		  /* of its text; 0: any */
	char type; /* s text, d decimal, n digits, b boolean, i number */
	bool needed;
};

static const struct element authentication[] = {{"name", NULL, 25, 's', false},
    {"transactionKey", NULL, 16, 's', true},
    {"mobileDeviceId", NULL, 60, 's', false}, {0}};

static const struct element setting[] = {{"settingName", NULL, 0, 's', false},
    {"settingValue", NULL, 0, 's', false}, {0}};

static const struct element settings[] = {
    {"setting", setting, 0, 0, false}, {0}};

static const struct element order[] = {{"invoiceNumber", NULL, 20, 's', false},
    {"description", NULL, 255, 's', false},
    {"discountAmount", NULL, 0, 'd', false},
    {"taxIsAfterDiscount", NULL, 0, 'b', false},
    {"totalTaxTypeCode", NULL, 3, 's', false},
    {"purchaserVATRegistrationNumber", NULL, 21, 's', false},
    {"merchantVATRegistrationNumber", NULL, 21, 's', false},
    {"vatInvoiceReferenceNumber", NULL, 15, 's', false},
    {"purchaserCode", NULL, 17, 's', false},
    {"summaryCommodityCode", NULL, 4, 's', false},
    {"purchaseOrderDateUTC", NULL, 0, 's', false},
    {"supplierOrderReference", NULL, 25, 's', false},
    {"authorizedContactName", NULL, 36, 's', false},
    {"cardAcceptorRefNumber", NULL, 25, 's', false},
    {"amexDataTAA1", NULL, 40, 's', false},
    {"amexDataTAA2", NULL, 40, 's', false},
    {"amexDataTAA3", NULL, 40, 's', false},
    {"amexDataTAA4", NULL, 40, 's', false}, {0}};

static const struct element customer[] = {{"type", NULL, 0, 's', false},
    {"id", NULL, 20, 's', false}, {"email", NULL, 255, 's', false},
    {"driversLicense", NULL, 0, 0, false}, {"taxId", NULL, 9, 's', false}, {0}};

static const struct element card[] = {{"cardNumber", NULL, 16, 's', true},
    {"expirationDate", NULL, 7, 's', true}, {"cardCode", NULL, 4, 's', false},
    {"isPaymentToken", NULL, 0, 'b', false},
    {"cryptogram", NULL, 0, 's', false},
    {"tokenRequestorName", NULL, 0, 's', false},
    {"tokenRequestorId", NULL, 0, 's', false},
    {"tokenRequestorEci", NULL, 0, 's', false}, {0}};

static const struct element payment[] = {{"creditCard", card, 0, 0, false},
    {"bankAccount", NULL, 0, 0, false}, {"trackData", NULL, 0, 0, false},
    {"encryptedTrackData", NULL, 0, 0, false}, {"payPal", NULL, 0, 0, false},
    {"opaqueData", NULL, 0, 0, false}, {"emv", NULL, 0, 0, false},
    {"dataSource", NULL, 0, 's', false}, {0}};

static const struct element transaction[] = {
    {"transactionType", NULL, 0, 's', true}, {"amount", NULL, 0, 'd', false},
    {"currencyCode", NULL, 0, 's', false}, {"payment", payment, 0, 0, false},
    {"profile", NULL, 0, 0, false}, {"solution", NULL, 0, 0, false},
    {"callId", NULL, 0, 's', false}, {"terminalNumber", NULL, 0, 's', false},
    {"authCode", NULL, 0, 's', false}, {"refTransId", NULL, 0, 's', false},
    {"splitTenderId", NULL, 0, 's', false}, {"order", order, 0, 0, false},
    {"lineItems", NULL, 0, 0, false}, {"tax", NULL, 0, 0, false},
    {"duty", NULL, 0, 0, false}, {"shipping", NULL, 0, 0, false},
    {"taxExempt", NULL, 0, 'b', false}, {"poNumber", NULL, 0, 's', false},
    {"customer", customer, 0, 0, false}, {"billTo", NULL, 0, 0, false},
    {"shipTo", NULL, 0, 0, false}, {"customerIP", NULL, 0, 's', false},
    {"cardholderAuthentication", NULL, 0, 0, false},
    {"retail", NULL, 0, 0, false}, {"employeeId", NULL, 0, 's', false},
    {"transactionSettings", settings, 0, 0, false},
    {"userFields", NULL, 0, 0, false}, {"surcharge", NULL, 0, 0, false},
    {"merchantDescriptor", NULL, 0, 's', false},
    {"subMerchant", NULL, 0, 0, false}, {"tip", NULL, 0, 0, false},
    {"processingOptions", NULL, 0, 0, false},
    {"subsequentAuthInformation", NULL, 0, 0, false},
    {"otherTax", NULL, 0, 0, false}, {"shipFrom", NULL, 0, 0, false},
    {"authorizationIndicatorType", NULL, 0, 0, false}, {0}};

static const struct element sorting[] = {{"orderBy", NULL, 0, 's', true},
    {"orderDescending", NULL, 0, 'b', true}, {0}};

static const struct element paging[] = {
    {"limit", NULL, 0, 'i', true}, {"offset", NULL, 0, 'i', true}, {0}};

static const struct element held[] = {
    {"action", NULL, 0, 's', true}, {"refTransId", NULL, 0, 's', true}, {0}};

#define COMMON                                                                 \
	{"merchantAuthentication", authentication, 0, 0, true},                \
	    {"clientId", NULL, 30, 's', false},                                \
	{                                                                      \
		"refId", NULL, 20, 's', false                                  \
	}

static const struct element plain[] = {COMMON, {0}};
static const struct element page[] = {COMMON,
    {"transactionRequest", transaction, 0, 0, true},
    {"hostedPaymentSettings", settings, 0, 0, false}, {0}};
static const struct element details[] = {
    COMMON, {"transId", NULL, 0, 'n', true}, {0}};
static const struct element unsettled[] = {COMMON,
    {"status", NULL, 0, 's', false}, {"sorting", sorting, 0, 0, false},
    {"paging", paging, 0, 0, false}, {0}};
static const struct element batches[] = {COMMON,
    {"includeStatistics", NULL, 0, 'b', false},
    {"firstSettlementDate", NULL, 0, 's', false},
    {"lastSettlementDate", NULL, 0, 's', false}, {0}};
static const struct element batch[] = {COMMON, {"batchId", NULL, 0, 'n', false},
    {"sorting", sorting, 0, 0, false}, {"paging", paging, 0, 0, false}, {0}};
static const struct element create[] = {
    COMMON, {"transactionRequest", transaction, 0, 0, true}, {0}};
static const struct element review[] = {
    COMMON, {"heldTransactionRequest", held, 0, 0, true}, {0}};

static const struct element roots[] = {
    {"authenticateTestRequest", plain, 0, 0, false},
    {"getMerchantDetailsRequest", plain, 0, 0, false},
    {"getHostedPaymentPageRequest", page, 0, 0, false},
    {"getTransactionDetailsRequest", details, 0, 0, false},
    {"getUnsettledTransactionListRequest", unsettled, 0, 0, false},
    {"getSettledBatchListRequest", batches, 0, 0, false},
    {"getTransactionListRequest", batch, 0, 0, false},
    {"createTransactionRequest", create, 0, 0, false},
    {"updateHeldTransactionRequest", review, 0, 0, false}, {0}};

/* What the real one says, up to the first needed element. */
static void write_expected(struct buf *b, const struct element *e)
{
	buf_text(b, " List of possible elements expected: '");
	for (const char *comma = ""; e->name; e++, comma = ", ") {
		buf_format(b, "%s%s", comma, e->name);
		if (e->needed)
			break;
	}
	buf_text(b, "' in namespace '" SPACE "'.");
}

static bool is_digits(const char *text, const char *allowed)
{
	return *text && strspn(text, allowed) == strlen(text);
}

static bool is_type(char type, const char *text)
{
	int64_t nano;

	switch (type) {
	case 'd':
		return nano_parse(text, &nano);
	case 'n':
	case 'i':
		return is_digits(text, "0123456789");
	case 'b':
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	default:
		return true;
	}
}

static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static bool check_text(
    const struct element *e, struct json_object *value, struct buf *wrong)
{
	const char *text = json_object_get_string(value);
	const char *why = NULL;

	text = text ? text : "";
	if (json_object_is_type(value, json_type_object))
		why = "The element cannot contain child elements";
	else if (!is_type(e->type, text))
		why = "The string is not a valid value of its type";
	else if (e->most && characters(text) > (size_t)e->most)
		why = "The actual length is greater than the MaxLength value";
	if (!why)
		return true;
	buf_format(wrong,
	    "The '" SPACE ":%s' element is invalid - The value"
	    " &#39;",
	    e->name);
	buf_html(wrong, text);
	buf_format(
	    wrong, "&#39; is invalid according to its datatype - %s.", why);
	return false;
}

static bool check(
    const struct element *e, struct json_object *value, struct buf *wrong);

/* Walks both in step: an element may be left out, never come back. */
static bool check_members(
    const struct element *parent, struct json_object *value, struct buf *wrong)
{
	const struct element *at = parent->of;

	json_object_object_foreach (value, name, inner) {
		const struct element *e = at;

		while (e->name && strcmp(e->name, name) != 0 && !e->needed)
			e++;
		if (!e->name || strcmp(e->name, name) != 0) {
			buf_format(wrong,
			    "The element '%s' in namespace '" SPACE "' has"
			    " invalid child element '%s' in namespace '" SPACE
			    "'.",
			    parent->name, name);
			write_expected(wrong, at);
			return false;
		}
		if (!check(e, inner, wrong))
			return false;
		at = e + 1;
	}
	for (; at->name; at++)
		if (at->needed) {
			buf_format(wrong,
			    "The element '%s' in namespace '" SPACE "' has"
			    " incomplete content.",
			    parent->name);
			write_expected(wrong, at);
			return false;
		}
	return true;
}

static bool check(
    const struct element *e, struct json_object *value, struct buf *wrong)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (!check(
				e, json_object_array_get_idx(value, i), wrong))
				return false;
		return true;
	}
	if (e->type)
		return check_text(e, value, wrong);
	if (!e->of || json_object_is_type(value, json_type_object))
		return !e->of || check_members(e, value, wrong);
	buf_format(wrong,
	    "The element '%s' in namespace '" SPACE "' cannot contain text.",
	    e->name);
	return false;
}

bool anet_check(const char *root, struct json_object *body, struct buf *wrong)
{
	for (const struct element *e = roots; e->name; e++)
		if (strcmp(e->name, root) == 0)
			return check(e, body, wrong);
	buf_text(wrong, "Invalid request.");
	return false;
}
