# install.cmake: what goes where on a host, and the Debian package of it.
set(PORTICO_BOOTSTRAP_DIR ${CMAKE_BINARY_DIR}/npm/node_modules/bootstrap/dist/css
  CACHE PATH "where bootstrap.min.css is; ./dev fetches it")
set(share share/portico)
set(man_dir ${CMAKE_BINARY_DIR}/man)

# What browsers get, compressed beforehand. client_portal_custom.css is left out:
# who edits it would see what it was.
set(static_dir ${CMAKE_BINARY_DIR}/static)
set(css ${CMAKE_SOURCE_DIR}/static/default/portico.css)
set(js ${CMAKE_SOURCE_DIR}/static/default/passkey.js)
set(compressed ${static_dir}/portal.css.gz)
add_custom_command(OUTPUT ${compressed}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${static_dir}
  COMMAND ${CMAKE_COMMAND} -E copy ${css} ${js}
    ${PORTICO_BOOTSTRAP_DIR}/bootstrap.min.css
    ${PORTICO_BOOTSTRAP_DIR}/bootstrap.rtl.min.css ${static_dir}
  COMMAND ${CMAKE_SOURCE_DIR}/conf/package/sheets ${PORTICO_BOOTSTRAP_DIR}
    ${css} ${static_dir}
  COMMAND ${CMAKE_SOURCE_DIR}/conf/package/compress ${static_dir}
  DEPENDS ${css} ${js} conf/package/sheets conf/package/compress
    ${PORTICO_BOOTSTRAP_DIR}/bootstrap.min.css
  VERBATIM)
add_custom_target(compressed ALL DEPENDS ${compressed})
install(DIRECTORY ${static_dir}/ DESTINATION ${share}/static/default
  FILES_MATCHING PATTERN portal*.css PATTERN *.gz PATTERN *.br)

install(TARGETS portico RUNTIME DESTINATION bin)
install(DIRECTORY templates static DESTINATION ${share})
install(FILES ${PORTICO_BOOTSTRAP_DIR}/bootstrap.min.css
  ${PORTICO_BOOTSTRAP_DIR}/bootstrap.rtl.min.css
  DESTINATION ${share}/static/default)
install(FILES conf/customer-params.default.json conf/customer-params.json.sample
  DESTINATION ${share}/conf)
install(DIRECTORY conf/schema conf/vcs conf/brand DESTINATION ${share}/conf)
install(FILES nginx/vhost.conf.in nginx/portico.conf nginx/portico-metrics.conf
  nginx/balancer.conf.example
  nginx/portico-brotli.conf
  DESTINATION ${share}/nginx)
install(DIRECTORY nginx/snippets DESTINATION ${share}/nginx)
install(FILES nginx/portico-http.conf DESTINATION /etc/nginx/conf.d
  RENAME portico.conf)
install(DIRECTORY DESTINATION /etc/portico/brands)
file(GLOB units CONFIGURE_DEPENDS conf/systemd/*)
install(FILES ${units} DESTINATION /lib/systemd/system)
install(FILES conf/customer-params.json.sample docs/operations.md
  docs/payments.md docs/theming.md DESTINATION share/doc/portico)
install(FILES LICENSE DESTINATION share/doc/portico RENAME copyright)

# Manual pages; that of the settings is made of their sample. And what changed.
set(pages ${man_dir}/portico.1.gz ${man_dir}/customer-params.json.5.gz
  ${man_dir}/changelog.gz)
add_custom_command(OUTPUT ${pages}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${man_dir}
  COMMAND gzip -9nc ${CMAKE_SOURCE_DIR}/docs/man/portico.1
    > ${man_dir}/portico.1.gz
  COMMAND gzip -9nc ${CMAKE_SOURCE_DIR}/conf/package/changelog
    > ${man_dir}/changelog.gz
  COMMAND awk -f ${CMAKE_SOURCE_DIR}/docs/man/settings.awk
    ${CMAKE_SOURCE_DIR}/conf/customer-params.json.sample
    > ${man_dir}/customer-params.json.5
  COMMAND gzip -9nf ${man_dir}/customer-params.json.5
  DEPENDS docs/man/portico.1 docs/man/settings.awk conf/package/changelog
    conf/customer-params.json.sample
  VERBATIM)
add_custom_target(man ALL DEPENDS ${pages})
install(FILES ${man_dir}/portico.1.gz DESTINATION share/man/man1)
install(FILES ${man_dir}/customer-params.json.5.gz DESTINATION share/man/man5)
install(FILES ${man_dir}/changelog.gz DESTINATION share/doc/portico)

set(CPACK_GENERATOR DEB)
set(CPACK_CMAKE_GENERATOR Ninja)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME portico)
set(CPACK_PACKAGE_VENDOR "The Portico authors")
set(CPACK_PACKAGE_CONTACT "The Portico authors <portico@example.net>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "client portal for JeraSoft VCS")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "A carrier's customers see balance, usage, rates, payments and invoices of the
billing system, top up the balance and edit their profile, on the carrier's own
domain. FastCGI workers behind nginx; one pool serves many brands.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION web)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "nginx (>= 1.19.4)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "certbot")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_LIST_DIR}/conffiles ${CMAKE_CURRENT_LIST_DIR}/preinst
  ${CMAKE_CURRENT_LIST_DIR}/postinst
  ${CMAKE_CURRENT_LIST_DIR}/prerm ${CMAKE_CURRENT_LIST_DIR}/postrm)
include(CPack)
