/*
 * mime/text: the content of parts: transfer encodings undone, charsets turned into UTF-8, HTML into plain text.
 *
 * All of it flows: a part of 100 MB passes through buffers of some kB. Each stage is a struct mime_sink that takes
 * bytes and hands what it makes of them to the next one. A sink may say that it has enough; then the source stops
 * reading.
 *
 * Charsets come from iconv, which loads a module for most of them: a process that is confined needs MIME_CHARSET_FOLDER
 * readable, or calls mime_charset_preload before its sandbox (the listener does, for all its sessions). UTF-8,
 * US-ASCII, ISO-8859-1 and windows-1252 work without. A charset that cannot be had: UTF-8 where the bytes are that,
 * else windows-1252. Output is always well-formed UTF-8; what cannot be read is U+FFFD. Security stance: HTML is only
 * taken apart, never followed; all state is of fixed size.
 */
#ifndef POSTROOM_MIME_TEXT_H
#define POSTROOM_MIME_TEXT_H

#include "common/mime/mime.h"

#define MIME_CHARSET_FOLDER "/usr/lib/x86_64-linux-gnu/gconv"

/* What write returns. */
enum { MIME_MORE = 0, MIME_ENOUGH = 1 }; /* or -1 with err */

/* Where bytes go. Embed it as the first member of a struct of your own. */
struct mime_sink {
	int (*write)(struct mime_sink *sink, struct str bytes, struct err *err);
};

enum mime_encoding {
	MIME_IDENTITY, /* 7bit, 8bit, binary, or no field */
	MIME_BASE64,
	MIME_QUOTED_PRINTABLE,
	MIME_UNKNOWN_ENCODING, /* BINARY answers UNKNOWN-CTE (RFC 3516 4.3) */
};
enum mime_encoding mime_encoding(const struct mime_part *part);

/*
 * Send len bytes of the source, from position at on, to sink. Returns MIME_MORE, or MIME_ENOUGH where the sink said so;
 * -1: ERR_SYSTEM, ERR_CORRUPT, or as the sink fails.
 */
int mime_send(const struct mime_source *source, int64_t at, int64_t len, struct mime_sink *sink, struct err *err);

/*
 * Send the body of a part with its transfer encoding undone; an unknown encoding passes as it is. Broken base64 and
 * quoted-printable give what can be made of them. Returns as mime_send.
 */
int mime_send_decoded(const struct mime_source *source, const struct mime_part *part, struct mime_sink *sink,
                      struct err *err);

/* Octets that mime_send_decoded sends (BINARY.SIZE), by decoding. -1: as mime_send. */
int mime_decoded_size(const struct mime_source *source, const struct mime_part *part, int64_t *size_out,
                      struct err *err);

/*
 * Send a text part as UTF-8, line ends as they are in it (CRLF); as_plain: HTML as plain text (without markup, entities
 * decoded, blocks on lines of their own ended by LF). A part that is no text passes decoded. Returns as mime_send.
 */
int mime_send_text(const struct mime_source *source, const struct mime_part *part, bool as_plain,
                   struct mime_sink *sink, struct err *err);

/*
 * The beginning of what a person reads in the message (RFC 8970 3): blanks and line ends as single blanks, quoted lines
 * and signature left out where something else is there. max: characters, at most MIME_PREVIEW_MAX. "" where there is no
 * text.
 */
enum { MIME_PREVIEW_MAX = 256 };
int mime_preview(const struct mime_source *source, const struct mime_part *root, size_t max, struct arena *arena,
                 struct str *preview_out, struct err *err);

/* A sink that adds to a buffer up to its limit, and has enough then. */
struct mime_collect {
	struct mime_sink sink;
	struct buf *out;
};
void mime_collect_init(struct mime_collect *collect, struct buf *out);

/* The transfer decoders as a sink of their own, for bytes that come from elsewhere. */
struct mime_decoder {
	struct mime_sink sink; /* takes encoded bytes */
	struct mime_sink *next;
	enum mime_encoding encoding;
	uint32_t bits;  /* base64: what is collected of a group of four characters */
	unsigned count; /* base64: characters in it */
	char held[80];  /* quoted-printable: an escape, or blanks of which it is not known whether a line end follows */
	unsigned held_len;
	char out[1024];
	unsigned out_len;
};
void mime_decoder_init(struct mime_decoder *decoder, enum mime_encoding encoding, struct mime_sink *next);
/* Send what is held back. Returns as mime_send. */
int mime_decoder_finish(struct mime_decoder *decoder, struct err *err);

/* From a charset to UTF-8. */
struct mime_charset {
	struct mime_sink sink; /* takes bytes of the charset */
	struct mime_sink *next;
	int kind;      /* enum of charset.c */
	void *iconv;   /* where kind needs it */
	char held[16]; /* the beginning of a character that is not complete yet */
	unsigned held_count;
};
void mime_charset_init(struct mime_charset *charset, struct str name, struct mime_sink *next);
int mime_charset_finish(struct mime_charset *charset, struct err *err);
/* Load the modules of the charsets that mail uses; once, before fork and sandbox. */
void mime_charset_preload(void);
/* Is it a charset that can be converted? (SEARCH CHARSET, BADCHARSET) */
bool mime_charset_known(struct str name);
/* Add a text in UTF-8 as the charset has it. False: it has not all of its characters, or is not known; then what was
 * added is of no use. */
bool mime_charset_encode(struct str name, struct str utf8, struct buf *out);
/* A text of a charset as UTF-8, in arena. */
struct str mime_charset_convert(struct str name, struct str text, struct arena *arena);

/* HTML in UTF-8 to plain text in UTF-8. */
struct mime_html {
	struct mime_sink sink; /* takes HTML */
	struct mime_sink *next;
	int state;     /* enum of html.c */
	char word[32]; /* the tag or entity that is being read */
	unsigned word_len;
	bool at_value;    /* behind the "=" of an attribute */
	char quote;       /* inside an attribute's value */
	char skipped[12]; /* the element whose content is left out (script, style ...), "" : none */
	unsigned dashes;  /* in a comment */
	int gap;          /* what stands between the last word and the next: nothing, blank, line end, empty line */
	bool any;         /* something was sent */
	char out[512];
	unsigned out_len;
};
void mime_html_init(struct mime_html *html, struct mime_sink *next);
int mime_html_finish(struct mime_html *html, struct err *err);

#endif
