/*
 * smtp/data: the message behind DATA, or in chunks behind BDAT, as its octets come in.
 *
 * Takes the dots of transparency away (RFC 5321 4.5.2), finds the end, and watches the line ends. In every mode what
 * is put out has CRLF line ends alone and no bare CR or LF; and for strangers the message ends at CRLF "." CRLF and
 * nowhere else, so that no two servers can disagree where it ended (SMTP smuggling).
 *
 * A machine of a few states: any cut of the input into reads gives the same result; nothing is kept but the state.
 */
#ifndef POSTROOM_SMTP_DATA_H
#define POSTROOM_SMTP_DATA_H

#include "common/base/buf.h"

enum smtp_data_mode {
	SMTP_DATA_STRICT, /* bare CR and LF are noted, for the caller to refuse; what is put out is then of no use */
	SMTP_DATA_MEND,   /* bare CR and LF become CRLF, but count as line ends for neither dots nor the end */
	SMTP_DATA_LOOSE,  /* LF alone is a line end for all purposes: for programs of this machine */
	SMTP_DATA_ANY,    /* CR, LF, CR LF and LF CR are line ends for all purposes (smtp.any-line-endings) */
};

struct smtp_data {
	enum smtp_data_mode mode;
	int state;       /* private */
	bool is_chunked; /* RFC 3030: dots mean nothing, the chunks' lengths tell the end */
	bool ended;      /* the end was read */
	char stray;      /* SMTP_DATA_ANY: this octet, where it comes next, still belongs to the end; else NUL */
	bool has_bare;   /* there was a bare CR or LF */
	bool has_nul;
};

void smtp_data_init(struct smtp_data *data, enum smtp_data_mode mode, bool is_chunked);

/*
 * Take input up to the message's end, or all of it. What belongs to the message is added to out, at most
 * SMTP_DATA_GROWTH(input.len) octets; a CR and its LF are never parted. Returns the octets taken: what is behind them
 * is the next command.
 */
size_t smtp_data_take(struct smtp_data *data, struct str input, struct buf *out);

/* The last chunk was taken. A line that is not ended yet is ended: at most two octets are added to out. */
void smtp_data_finish(struct smtp_data *data, struct buf *out);

/* Every octet may become a CRLF, and one CR may wait from before. */
#define SMTP_DATA_GROWTH(len) (2 * (len) + 4)

#endif
