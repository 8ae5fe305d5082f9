#include "smtpd/smtpd.h"

#include <stdio.h>

enum { REPLY_MAX = 512 }; /* octets of a reply line, RFC 5321 4.5.3.1.5 */

static void write_line(struct session *session, int code, char separator, const char *enhanced, const char *format,
                       va_list args)
{
	char text[REPLY_MAX - sizeof "250 5.5.5 \r\n"];

	vsnprintf(text, sizeof text, format, args);
	conn_printf(&session->conn, "%d%c%s%s%s\r\n", code, separator, enhanced != NULL ? enhanced : "",
	            enhanced != NULL ? " " : "", text);
}

void reply(struct session *session, int code, const char *enhanced, const char *format, ...)
{
	va_list args;

	if ((code >= 500 && code <= 504) || code == 555)
		session->errors++;
	va_start(args, format);
	write_line(session, code, ' ', enhanced, format, args);
	va_end(args);
}

void reply_line(struct session *session, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(session, code, '-', NULL, format, args);
	va_end(args);
}

void reply_refusal(struct session *session, const struct smtp_refusal *refusal)
{
	reply(session, refusal->code, refusal->enhanced, "%s", refusal->text);
}
