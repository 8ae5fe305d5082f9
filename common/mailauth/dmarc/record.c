#include "common/base/buf.h"
#include "common/mailauth/dmarc/dmarc.h"

enum { INTERVAL_S = 86400, ADDRESS_MAX = 320 };

const char *dmarc_policy_word(enum dmarc_policy policy)
{
	static const char *const words[] = {
	    [DMARC_NONE] = "none", [DMARC_QUARANTINE] = "quarantine", [DMARC_REJECT] = "reject"};

	return words[policy];
}

/*
 * Cut the next "name = value" off the list; data of name is NULL where there is none in it. Not mailauth/tags, which
 * refuses a list for one mistake, and here the rest counts (6.3).
 */
static void cut_tag(struct str *rest, struct str *name, struct str *value)
{
	struct str item = str_cut(rest, ';');
	ptrdiff_t equals = str_find_char(item, '=');

	*name = *value = (struct str){NULL, 0};
	if (equals < 0)
		return;
	*name = str_trim(str_sub(item, 0, (size_t)equals));
	*value = str_trim(str_skip(item, (size_t)equals + 1));
}

bool dmarc_is_record(struct str text)
{
	struct str name, value;

	cut_tag(&text, &name, &value);
	return name.data != NULL && str_equal(name, STR("v")) && str_equal(value, STR("DMARC1"));
}

static bool read_policy(struct str value, enum dmarc_policy *policy)
{
	for (enum dmarc_policy i = DMARC_NONE; i <= DMARC_REJECT; i++)
		if (str_equal_nocase(value, str_of(dmarc_policy_word(i)))) {
			*policy = i;
			return true;
		}
	return false;
}

/* What only changes details; a value that cannot be read leaves the default. */
static void read_detail(struct str name, struct str value, struct dmarc_record *record)
{
	uint64_t number;

	if (str_equal(name, STR("adkim")))
		record->dkim_is_strict = str_equal_nocase(value, STR("s"));
	else if (str_equal(name, STR("aspf")))
		record->spf_is_strict = str_equal_nocase(value, STR("s"));
	else if (str_equal(name, STR("pct")) && str_to_u64(value, 100, &number))
		record->percent = (unsigned)number;
	else if (str_equal(name, STR("ri")) && str_to_u64(value, UINT32_MAX, &number))
		record->interval_s = (uint32_t)number;
	else if (str_equal(name, STR("rua")))
		record->aggregate = value;
	else if (str_equal(name, STR("ruf")))
		record->failure = value;
}

static bool wants_reports(struct str list)
{
	struct dmarc_target targets[DMARC_TARGETS_MAX];
	struct arena arena;
	size_t count;

	arena_init(&arena);
	count = dmarc_read_targets(list, &arena, targets);
	arena_free(&arena);
	return count != 0;
}

int dmarc_record_parse(struct str text, struct dmarc_record *record_out, struct err *err)
{
	bool has_policy = false, has_subdomain_policy = false, is_wrong = false;
	struct dmarc_record record = {.percent = 100, .interval_s = INTERVAL_S};
	struct str rest = text;

	while (rest.data != NULL) {
		struct str name, value;

		cut_tag(&rest, &name, &value);
		if (str_equal(name, STR("p")))
			has_policy = read_policy(value, &record.policy);
		else if (str_equal(name, STR("sp")))
			is_wrong = !(has_subdomain_policy = read_policy(value, &record.subdomain_policy));
		else
			read_detail(name, value, &record);
	}
	if (!has_policy || is_wrong) {
		if (!wants_reports(record.aggregate))
			return err_set(err, ERR_SYNTAX, "the record has no policy that can be read");
		record.policy = record.subdomain_policy = DMARC_NONE;
	} else if (!has_subdomain_policy) {
		record.subdomain_policy = record.policy;
	}
	*record_out = record;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Percent signs decoded (RFC 3986 2.1). False: not an address one would write to. */
static bool decode_address(struct str text, struct arena *arena, struct str *address_out)
{
	struct buf address;
	bool good;

	buf_init(&address, ADDRESS_MAX);
	for (size_t i = 0; i < text.len; i++) {
		int high = text.data[i] == '%' && i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;

		buf_add_char(&address, low >= 0 ? (char)(high * 16 + low) : text.data[i]);
		i += low >= 0 ? 2 : 0;
	}
	*address_out = arena_copy(arena, buf_str(&address));
	good = !address.overflow && str_find_char(*address_out, '@') > 0;
	for (size_t i = 0; i < address_out->len; i++)
		good = good && address_out->data[i] > ' ' && address_out->data[i] != 0x7f;
	buf_free(&address);
	return good;
}

/* "50m" as bytes (6.4); false: it is no size. */
static bool read_size(struct str text, uint64_t *size)
{
	static const char units[] = "kmgt";
	ptrdiff_t unit = text.len > 0 ? str_find_char(str_of(units), (char)(text.data[text.len - 1] | 32)) : -1;
	unsigned shift = unit >= 0 ? 10 * ((unsigned)unit + 1) : 0;

	if (unit >= 0)
		text.len--;
	if (!str_to_u64(text, UINT64_MAX >> shift, size))
		return false;
	*size <<= shift;
	return true;
}

static bool read_target(struct str uri, struct arena *arena, struct dmarc_target *target)
{
	static const struct str scheme = {"mailto:", 7};
	ptrdiff_t mark = str_find_char(uri, '!'), query;

	*target = (struct dmarc_target){0};
	if (!str_starts_nocase(uri, scheme) ||
	    (mark >= 0 && !read_size(str_skip(uri, (size_t)mark + 1), &target->size_max)))
		return false;
	if (mark >= 0)
		uri = str_sub(uri, 0, (size_t)mark);
	query = str_find_char(uri, '?'); /* RFC 6068: fields of a message, none of which is wanted here */
	if (query >= 0)
		uri = str_sub(uri, 0, (size_t)query);
	return decode_address(str_skip(uri, scheme.len), arena, &target->address);
}

size_t dmarc_read_targets(struct str list, struct arena *arena, struct dmarc_target targets[DMARC_TARGETS_MAX])
{
	size_t count = 0;

	while (list.data != NULL && count < DMARC_TARGETS_MAX)
		count += read_target(str_trim(str_cut(&list, ',')), arena, &targets[count]);
	return count;
}
