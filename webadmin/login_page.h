/*
 * login_page: the page on which people log in (01-3.2), made here so that it works without scripts, as far as telling
 * that they are needed. Its words come from lng/<language>.lng of the pages, by what the browser prefers; a word that
 * is missing there is English.
 */
#ifndef POSTROOM_WEBADMIN_LOGIN_PAGE_H
#define POSTROOM_WEBADMIN_LOGIN_PAGE_H

#include "webadmin/http.h"

web_handler login_page_get, login_page_post;

#endif
