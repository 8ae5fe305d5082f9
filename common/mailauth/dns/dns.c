#include "common/mailauth/dns/dns.h"

#include "common/base/io.h"

static struct str without_final_dot(struct str name)
{
	return name.len > 0 && name.data[name.len - 1] == '.' ? str_sub(name, 0, name.len - 1) : name;
}

bool mailauth_is_name(struct str name)
{
	name = without_final_dot(name);
	if (name.len == 0 || name.len > MAILAUTH_NAME_MAX || str_find_char(name, '\0') >= 0)
		return false;
	for (struct str rest = name; rest.data != NULL;) {
		struct str label = str_cut(&rest, '.');

		if (label.len == 0 || label.len > MAILAUTH_LABEL_MAX)
			return false;
	}
	return true;
}

/* How long a question may take, milliseconds; 0: no longer. */
static int patience(const struct mailauth_dns *dns)
{
	int64_t left_ms = dns->deadline_ms != 0 ? dns->deadline_ms - io_now_ms() : MAILAUTH_DNS_MS;

	return left_ms <= 0 ? 0 : (int)(left_ms < MAILAUTH_DNS_MS ? left_ms : MAILAUTH_DNS_MS);
}

int mailauth_query(const struct mailauth_dns *dns, struct str name, enum mailauth_type type, struct arena *arena,
                   struct mailauth_answer *answer_out, struct err *err)
{
	int timeout_ms = patience(dns);

	*answer_out = (struct mailauth_answer){.status = MAILAUTH_NXDOMAIN};
	if (!mailauth_is_name(name))
		return 0;
	if (timeout_ms == 0) {
		answer_out->status = MAILAUTH_TEMPORARY;
		return err_set(err, ERR_TIMEOUT, "the DNS took too long for all that is to be asked");
	}
	return dns->query(dns->context, arena_text(arena, without_final_dot(name)), type, timeout_ms, arena, answer_out,
	                  err);
}

void mailauth_foresee(const struct mailauth_dns *dns, struct str name, enum mailauth_type type, struct arena *arena)
{
	int timeout_ms = patience(dns);

	if (dns->foresee != NULL && timeout_ms > 0 && mailauth_is_name(name))
		dns->foresee(dns->context, arena_text(arena, without_final_dot(name)), type, timeout_ms);
}

int mailauth_read_text(struct str rdata, struct arena *arena, struct str *text_out, struct err *err)
{
	char *text = arena_get(arena, rdata.len + 1);
	size_t len = 0;

	while (rdata.len > 0) {
		size_t size = (unsigned char)rdata.data[0];

		if (size > rdata.len - 1)
			return err_set(err, ERR_SYNTAX, "a TXT record that is cut");
		memcpy(text + len, rdata.data + 1, size);
		len += size;
		rdata = str_skip(rdata, 1 + size);
	}
	*text_out = str_from(text, len);
	return 0;
}

/* One label of a name behind what is in text already; its length was checked. */
static bool add_label(char *text, size_t *len, struct str label)
{
	if (*len > 0)
		text[(*len)++] = '.';
	for (size_t i = 0; i < label.len; i++) {
		char c = label.data[i];

		if (c == '.' || c == '\0')
			return false;
		text[(*len)++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	return true;
}

int mailauth_read_name(struct str rdata, size_t at, struct arena *arena, struct str *name_out, struct err *err)
{
	char text[MAILAUTH_NAME_MAX];
	size_t len = 0;

	for (;;) {
		size_t size;

		if (at >= rdata.len)
			return err_set(err, ERR_SYNTAX, "a name in the DNS that is cut");
		size = (unsigned char)rdata.data[at++];
		if (size == 0)
			break;
		if (size > MAILAUTH_LABEL_MAX || size > rdata.len - at || len + 1 + size > sizeof text ||
		    !add_label(text, &len, str_sub(rdata, at, size)))
			return err_set(err, ERR_SYNTAX, "a name in the DNS that cannot be used");
		at += size;
	}
	*name_out = arena_copy(arena, str_from(text, len));
	return 0;
}

bool mailauth_read_address(struct str rdata, enum mailauth_type type, struct cidr *address_out)
{
	size_t size = type == MAILAUTH_AAAA ? 16 : 4;

	if (rdata.len != size)
		return false;
	*address_out = (struct cidr){.is_ipv6 = type == MAILAUTH_AAAA, .prefix = (unsigned)size * 8};
	memcpy(address_out->address, rdata.data, size);
	return true;
}

struct str mailauth_reverse_name(const struct cidr *address, struct arena *arena)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = address->address;
	char text[sizeof address->address * 4];
	size_t len = 0;

	if (!address->is_ipv6)
		return arena_printf(arena, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1], bytes[0]);
	for (size_t i = sizeof address->address; i-- > 0;) {
		text[len++] = digits[bytes[i] & 15];
		text[len++] = '.';
		text[len++] = digits[bytes[i] >> 4];
		text[len++] = '.';
	}
	return arena_printf(arena, "%.*sip6.arpa", (int)len, text);
}
