/*
 * mime/markup: short texts that are put into messages, as plain text and as HTML, each made from the other where only
 * one was given. All is UTF-8; nothing here is for strangers' HTML but text.h's mime_html, on which this builds.
 */
#ifndef POSTROOM_MIME_MARKUP_H
#define POSTROOM_MIME_MARKUP_H

#include "common/mime/mime.h"

/* Plain text as a fragment of HTML: markup escaped, line ends as <br>. */
struct str mime_plain_to_html(struct str plain, struct arena *arena);
/* HTML as plain text, with LF. */
struct str mime_html_to_plain(struct str html, struct arena *arena);
/* What stands between <body> and </body>, where html is a whole document; else html itself. */
struct str mime_html_inner(struct str html);
/* HTML in ASCII, which every charset of mail has: other characters as &#N;. */
struct str mime_html_ascii(struct str html, struct arena *arena);

/* Where in HTML the content ends: before the last </body>, else before the last </html>; -1: neither stands there. */
ptrdiff_t mime_html_end(struct str html);

#endif
