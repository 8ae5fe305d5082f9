#include "common/addr/senders.h"

#include "common/base/wildcard.h"

#include <inttypes.h>

static const struct str service_word = {"service=", 8};

struct entry {
	bool has_client;
	struct cidr client;
	struct str local_part, domain; /* patterns; data NULL where there are none */
	int64_t service;               /* 0: any */
};

static int read_word(struct str word, struct entry *entry, struct err *err)
{
	ptrdiff_t at = str_find_last_char(word, '@');
	uint64_t number;

	if (str_starts_nocase(word, service_word)) {
		if (entry->service != 0 || !str_to_u64(str_skip(word, service_word.len), INT32_MAX, &number) || number == 0)
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is not the number of a service", STR_ARG(word));
		entry->service = (int64_t)number;
		return 0;
	}
	if (at < 0) {
		if (entry->has_client || cidr_parse(word, &entry->client, NULL, NULL) != 0)
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither addresses, nor LOCAL@DOMAIN, nor service=NUMBER",
			               STR_ARG(str_sub(word, 0, 80)));
		entry->has_client = true;
		return 0;
	}
	if (entry->domain.data != NULL)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is a second sender in one entry", STR_ARG(str_sub(word, 0, 80)));
	entry->local_part = at > 0 ? str_sub(word, 0, (size_t)at) : STR("*");
	entry->domain = at + 1 < (ptrdiff_t)word.len ? str_skip(word, (size_t)at + 1) : STR("*");
	return 0;
}

/* The next entry; 1 = there is one, 0 = the list is over, -1 = one that cannot be read. */
static int next_entry(struct str *rest, struct entry *entry, struct err *err)
{
	*entry = (struct entry){0};
	while (rest->data != NULL) {
		struct str item = str_trim(str_cut(rest, ',')), word;

		if (item.len == 0)
			continue;
		while ((word = str_cut_word(&item)).len != 0)
			if (read_word(word, entry, err) != 0)
				return -1;
		return 1;
	}
	return 0;
}

static void add_entry(struct buf *normal, const struct entry *entry)
{
	const char *blank = "";

	if (normal->len > 0)
		buf_add_str(normal, STR(", "));
	if (entry->has_client) {
		cidr_format(&entry->client, normal);
		blank = " ";
	}
	if (entry->domain.data != NULL) {
		buf_printf(normal, "%s%.*s@%.*s", blank, STR_ARG(entry->local_part), STR_ARG(entry->domain));
		blank = " ";
	}
	if (entry->service != 0)
		buf_printf(normal, "%s%.*s%" PRId64, blank, STR_ARG(service_word), entry->service);
}

int senders_normalise(struct str list, struct buf *normal, struct err *err)
{
	struct entry entry;
	int count = 0, result;

	while ((result = next_entry(&list, &entry, err)) == 1) {
		if (count++ == SENDERS_MAX)
			return err_set(err, ERR_LIMIT, "a list takes at most %d entries", SENDERS_MAX);
		add_entry(normal, &entry);
	}
	return result;
}

static bool holds(const struct entry *entry, const struct sender_facts *facts)
{
	if (entry->service != 0 && entry->service != facts->service)
		return false;
	if (entry->has_client && (facts->client == NULL || !cidr_holds(&entry->client, facts->client)))
		return false;
	return entry->domain.data == NULL || (wildcard_match(facts->local_part, entry->local_part, NULL) &&
	                                      wildcard_match(facts->domain, entry->domain, NULL));
}

bool senders_hold(struct str list, const struct sender_facts *facts)
{
	struct entry entry;
	int result;

	while ((result = next_entry(&list, &entry, NULL)) != 0)
		if (result == 1 && holds(&entry, facts))
			return true;
	return false;
}
