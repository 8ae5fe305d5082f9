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

/* Of the same kind as our own reply? RFC 5321 4.2.1: the first digit says what the client does next. */
static bool send_instead(struct session *session, int code)
{
	struct str instead = session->hooks.instead;

	session->hooks.instead = STR("");
	if (instead.len == 0 || code >= 400)
		return false;
	if (instead.data[0] - '0' != code / 100) {
		script_report(&session->hooks.script, "(reply)", STR("is of another kind than the command's own"));
		return false;
	}
	conn_printf(&session->conn, "%.*s\r\n", STR_ARG(instead));
	return true;
}

void reply(struct session *session, int code, const char *enhanced, const char *format, ...)
{
	va_list args;

	if (send_instead(session, code))
		return;
	if ((code >= 500 && code <= 504) || code == 555)
		session->errors++;
	va_start(args, format);
	write_line(session, code, ' ', enhanced, format, args);
	va_end(args);
}

void reply_line(struct session *session, int code, const char *format, ...)
{
	va_list args;

	if (session->hooks.instead.len != 0) /* it takes the place of the whole reply */
		return;
	va_start(args, format);
	write_line(session, code, '-', NULL, format, args);
	va_end(args);
}

void reply_refusal(struct session *session, const struct smtp_refusal *refusal)
{
	reply(session, refusal->code, refusal->enhanced, "%s", refusal->text);
}
