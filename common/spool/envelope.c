#include "common/spool/spool.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

enum {
	ID_TIME_DIGITS = 13,
	ID_RANDOM_DIGITS = 8,
	PRODUCER_MAX = 23,
	FIRST_READ = 4096, /* most envelopes fit */
};

/* The keys with one text value, in the order they are written. */
static const struct text_key {
	const char *name;
	size_t offset;
} text_keys[] = {
    {"service", offsetof(struct spool_envelope, service)},   {"from", offsetof(struct spool_envelope, from)},
    {"protocol", offsetof(struct spool_envelope, protocol)}, {"peer", offsetof(struct spool_envelope, peer)},
    {"helo", offsetof(struct spool_envelope, helo)},         {"user", offsetof(struct spool_envelope, user)},
    {"token", offsetof(struct spool_envelope, token)},       {"body", offsetof(struct spool_envelope, body)},
    {"ret", offsetof(struct spool_envelope, ret)},           {"envid", offsetof(struct spool_envelope, envid)},
    {"parent", offsetof(struct spool_envelope, parent)},     {"visited", offsetof(struct spool_envelope, visited)},
    {"keywords", offsetof(struct spool_envelope, keywords)}, {"arc", offsetof(struct spool_envelope, arc)},
    {"results", offsetof(struct spool_envelope, results)},   {"id", offsetof(struct spool_envelope, id)},
    {"producer", offsetof(struct spool_envelope, producer)},
};

enum { TEXT_KEYS = sizeof text_keys / sizeof text_keys[0], TEXT_KEYS_OPTIONAL = TEXT_KEYS - 2 };

static const struct {
	const char *word;
	unsigned bit;
} notify_words[] = {
    {"NEVER", SPOOL_NOTIFY_NEVER},
    {"SUCCESS", SPOOL_NOTIFY_SUCCESS},
    {"FAILURE", SPOOL_NOTIFY_FAILURE},
    {"DELAY", SPOOL_NOTIFY_DELAY},
};

static struct str *text_value(struct spool_envelope *envelope, const struct text_key *key)
{
	return (struct str *)((char *)envelope + key->offset);
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.data[i] >= '0' && s.data[i] <= '9') || (s.data[i] >= 'a' && s.data[i] <= 'f')))
			return false;
	return true;
}

bool spool_id_is_valid(struct str id)
{
	struct str producer;

	if (id.len < ID_TIME_DIGITS + ID_RANDOM_DIGITS + 3 || id.len >= SPOOL_ID_MAX)
		return false;
	producer = str_sub(id, ID_TIME_DIGITS + 1, id.len - ID_TIME_DIGITS - ID_RANDOM_DIGITS - 2);
	if (producer.len > PRODUCER_MAX || id.data[ID_TIME_DIGITS] != '-' || id.data[id.len - ID_RANDOM_DIGITS - 1] != '-')
		return false;
	for (size_t i = 0; i < producer.len; i++)
		if (!((producer.data[i] >= 'a' && producer.data[i] <= 'z') ||
		      (producer.data[i] >= '0' && producer.data[i] <= '9') || producer.data[i] == '-'))
			return false;
	return is_hex(str_sub(id, 0, ID_TIME_DIGITS)) && is_hex(str_skip(id, id.len - ID_RANDOM_DIGITS));
}

/* What would end the line or hide what follows may be in no value. */
static bool is_one_line(struct str value)
{
	return str_find_char(value, '\n') < 0 && str_find_char(value, '\r') < 0 && str_find_char(value, '\0') < 0;
}

static int add_line(struct buf *text, const char *key, struct str value, struct err *err)
{
	if (value.len == 0)
		return 0;
	if (!is_one_line(value))
		return err_set(err, ERR_SYNTAX, "the envelope's %s holds a line end", key);
	buf_add_str(text, str_of(key));
	buf_add(text, ": ", 2);
	buf_add_str(text, value);
	buf_add_char(text, '\n');
	return 0;
}

int spool_recipient_format(const struct spool_recipient *recipient, struct buf *text)
{
	const char *before = " NOTIFY=";

	buf_add_char(text, '<');
	buf_add_str(text, recipient->address);
	buf_add_char(text, '>');
	for (size_t i = 0; i < sizeof notify_words / sizeof notify_words[0]; i++) {
		if ((recipient->notify & notify_words[i].bit) == 0)
			continue;
		buf_add_str(text, str_of(before));
		buf_add_str(text, str_of(notify_words[i].word));
		before = ",";
	}
	if (recipient->orcpt.len != 0) {
		buf_add_str(text, STR(" ORCPT="));
		buf_add_str(text, recipient->orcpt);
	}
	if (recipient->folder.len != 0) {
		buf_add_str(text, STR(" FOLDER="));
		buf_add_str(text, recipient->folder);
	}
	if (recipient->named)
		buf_add_str(text, STR(" NAMED"));
	if (recipient->refused.len != 0) {
		buf_add_str(text, STR(" REFUSED="));
		buf_add_str(text, recipient->refused);
	}
	return text->overflow ? -1 : 0;
}

int spool_envelope_format(const struct spool_envelope *envelope, struct buf *text, struct err *err)
{
	if (envelope->recipient_count > SPOOL_RECIPIENTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d recipients", SPOOL_RECIPIENTS_MAX);
	if (!spool_id_is_valid(envelope->id))
		return err_set(err, ERR_SYNTAX, "the envelope has no id");
	if (add_line(text, "id", envelope->id, err) != 0 || add_line(text, "producer", envelope->producer, err) != 0)
		return -1;
	buf_printf(text, "time: %" PRId64 "\n", envelope->time_us);
	for (size_t i = 0; i < TEXT_KEYS_OPTIONAL; i++)
		if (add_line(text, text_keys[i].name, *text_value((struct spool_envelope *)envelope, &text_keys[i]), err) != 0)
			return -1;
	if (envelope->smtputf8)
		buf_add_str(text, STR("smtputf8: 1\n"));
	if (envelope->requiretls)
		buf_add_str(text, STR("requiretls: 1\n"));
	if (envelope->hold)
		buf_add_str(text, STR("hold: 1\n"));
	if (envelope->release != 0)
		buf_printf(text, "release: %" PRId64 "\n", envelope->release);
	if (envelope->hold_until != 0)
		buf_printf(text, "hold-until: %" PRId64 "\n", envelope->hold_until);
	if (envelope->expires != 0)
		buf_printf(text, "expires: %" PRId64 "\n", envelope->expires);
	if (envelope->collector != 0)
		buf_printf(text, "collector: %" PRId64 "\n", envelope->collector);
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		const struct spool_recipient *recipient = &envelope->recipients[i];

		if (!is_one_line(recipient->address) || !is_one_line(recipient->orcpt) || !is_one_line(recipient->folder) ||
		    !is_one_line(recipient->refused))
			return err_set(err, ERR_SYNTAX, "a recipient holds a line end");
		buf_add_str(text, STR("to: "));
		spool_recipient_format(recipient, text);
		buf_add_char(text, '\n');
	}
	buf_add_char(text, '\n');
	if (text->overflow || text->len > SPOOL_ENVELOPE_MAX)
		return err_set(err, ERR_LIMIT, "the envelope is too large");
	return 0;
}

/* Length of "<address>" at the start of text, 0 where there is none; a '>' within quotes is part of the address. */
static size_t bracketed_length(struct str text)
{
	bool quoted = false;

	if (text.len == 0 || text.data[0] != '<')
		return 0;
	for (size_t i = 1; i < text.len; i++) {
		if (quoted && text.data[i] == '\\')
			i++;
		else if (text.data[i] == '"')
			quoted = !quoted;
		else if (!quoted && text.data[i] == '>')
			return i + 1;
	}
	return 0;
}

static int parse_notify(struct str words, unsigned *notify, struct err *err)
{
	while (words.data != NULL) {
		struct str word = str_cut(&words, ',');
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof notify_words / sizeof notify_words[0]; i++)
			if (str_equal_nocase(word, str_of(notify_words[i].word)))
				bit = notify_words[i].bit;
		if (bit == 0)
			return err_set(err, ERR_SYNTAX, "NOTIFY has an unknown word");
		*notify |= bit;
	}
	/* RFC 3461 4.1: NEVER stands alone */
	if ((*notify & SPOOL_NOTIFY_NEVER) != 0 && *notify != SPOOL_NOTIFY_NEVER)
		return err_set(err, ERR_SYNTAX, "NOTIFY has NEVER and another word");
	return 0;
}

int spool_recipient_parse(struct str text, struct spool_recipient *recipient, struct err *err)
{
	size_t length = bracketed_length(text);

	*recipient = (struct spool_recipient){.address = STR(""), .orcpt = STR(""), .folder = STR(""), .refused = STR("")};
	if (length <= 2)
		return err_set(err, ERR_SYNTAX, "a recipient has no address in angle brackets");
	recipient->address = str_sub(text, 1, length - 2);
	text = str_skip(text, length);
	while (text.len > 0) {
		struct str word = str_cut_word(&text);

		if (str_starts(word, STR("NOTIFY=")) && recipient->notify == 0) {
			if (parse_notify(str_skip(word, 7), &recipient->notify, err) != 0)
				return -1;
		} else if (str_starts(word, STR("ORCPT=")) && recipient->orcpt.len == 0) {
			recipient->orcpt = str_skip(word, 6);
		} else if (str_starts(word, STR("FOLDER=")) && recipient->folder.len == 0) {
			recipient->folder = str_skip(word, 7);
		} else if (str_equal(word, STR("NAMED"))) {
			recipient->named = true;
		} else if (str_starts(word, STR("REFUSED=")) && recipient->refused.len == 0) {
			recipient->refused = str_skip(word, 8);
		} else {
			return err_set(err, ERR_SYNTAX, "a recipient has an unknown parameter");
		}
	}
	return 0;
}

static int parse_number(struct str key, struct str value, int64_t *number, struct err *err)
{
	uint64_t unsigned_number;

	if (!str_to_u64(value, INT64_MAX, &unsigned_number))
		return err_set(err, ERR_SYNTAX, "the envelope's %.*s is not a number", STR_ARG(key));
	*number = (int64_t)unsigned_number;
	return 0;
}

/* What is a number; NULL: key is no such thing. */
static int64_t *number_of(struct spool_envelope *envelope, struct str key)
{
	const struct {
		const char *key;
		int64_t *number;
	} numbers[] = {
	    {"time", &envelope->time_us},    {"release", &envelope->release},     {"hold-until", &envelope->hold_until},
	    {"expires", &envelope->expires}, {"collector", &envelope->collector},
	};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (str_equal(key, str_of(numbers[i].key)))
			return numbers[i].number;
	return NULL;
}

/* What is set by "1"; NULL: key is no such thing. */
static bool *flag_of(struct spool_envelope *envelope, struct str key)
{
	if (str_equal(key, STR("smtputf8")))
		return &envelope->smtputf8;
	if (str_equal(key, STR("requiretls")))
		return &envelope->requiretls;
	return str_equal(key, STR("hold")) ? &envelope->hold : NULL;
}

static int parse_line(struct spool_envelope *envelope, struct str key, struct str value, size_t room, struct err *err)
{
	int64_t *number;
	bool *flag;

	if (value.len == 0 || !is_one_line(value))
		return err_set(err, ERR_SYNTAX, "the envelope's %.*s is empty or broken", STR_ARG(str_sub(key, 0, 32)));
	if (str_equal(key, STR("to"))) {
		if (envelope->recipient_count == room)
			return err_set(err, ERR_LIMIT, "more than %d recipients", SPOOL_RECIPIENTS_MAX);
		return spool_recipient_parse(value, &envelope->recipients[envelope->recipient_count++], err);
	}
	number = number_of(envelope, key);
	if (number != NULL)
		return parse_number(key, value, number, err);
	flag = flag_of(envelope, key);
	if (flag != NULL) {
		*flag = str_equal(value, STR("1"));
		return 0;
	}
	for (size_t i = 0; i < TEXT_KEYS; i++) {
		struct str *place = text_value(envelope, &text_keys[i]);

		if (!str_equal(key, str_of(text_keys[i].name)))
			continue;
		/* two of a kind would let two readers see two envelopes */
		if (place->len != 0)
			return err_set(err, ERR_SYNTAX, "the envelope has %s twice", text_keys[i].name);
		*place = value;
	}
	return 0;
}

/* Octets of the envelope with its empty line, 0 where that has not been reached; lines with "to: " are counted. */
static size_t measure(struct str text, size_t *recipients)
{
	size_t at = 0;

	*recipients = 0;
	while (at < text.len) {
		struct str rest = str_skip(text, at);
		ptrdiff_t end = str_find_char(rest, '\n');

		if (end < 0)
			return 0;
		if (end == 0)
			return at + 1;
		*recipients += str_starts(rest, STR("to: "));
		at += (size_t)end + 1;
	}
	return 0;
}

int spool_envelope_parse(struct str text, struct arena *arena, struct spool_envelope *envelope, size_t *length_out,
                         struct err *err)
{
	size_t recipients, length = measure(str_sub(text, 0, SPOOL_ENVELOPE_MAX), &recipients);
	struct str rest;

	*envelope = (struct spool_envelope){0};
	for (size_t i = 0; i < TEXT_KEYS; i++)
		*text_value(envelope, &text_keys[i]) = STR("");
	if (length == 0)
		return err_set(err, text.len >= SPOOL_ENVELOPE_MAX ? ERR_LIMIT : ERR_SYNTAX, "the envelope has no end");
	if (recipients > SPOOL_RECIPIENTS_MAX)
		recipients = SPOOL_RECIPIENTS_MAX;
	envelope->recipients = arena_get(arena, (recipients + 1) * sizeof *envelope->recipients);
	rest = str_sub(text, 0, length - 1);
	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n'), value;
		ptrdiff_t colon = str_find(line, STR(": "));

		if (colon <= 0)
			return err_set(err, ERR_SYNTAX, "a line of the envelope is not \"key: value\"");
		value = str_skip(line, (size_t)colon + 2);
		if (parse_line(envelope, str_sub(line, 0, (size_t)colon), value, recipients, err) != 0)
			return -1;
	}
	if (!spool_id_is_valid(envelope->id))
		return err_set(err, ERR_SYNTAX, "the envelope has no id");
	*length_out = length;
	return 0;
}

int spool_envelope_read(int fd, struct buf *text, struct arena *arena, struct spool_envelope *envelope,
                        size_t *length_out, struct err *err)
{
	size_t want = FIRST_READ, recipients;

	buf_reset(text);
	for (;;) {
		char *room = buf_reserve(text, want - text->len);
		ssize_t count;

		if (room == NULL)
			return err_set(err, ERR_LIMIT, "the envelope is too large");
		count = pread(fd, room, want - text->len, (off_t)text->len);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read a spool file");
		text->len += (size_t)count;
		if (count == 0 || measure(buf_str(text), &recipients) != 0 || text->len >= SPOOL_ENVELOPE_MAX)
			return spool_envelope_parse(buf_str(text), arena, envelope, length_out, err);
		if (text->len == want)
			want = want * 4 < SPOOL_ENVELOPE_MAX ? want * 4 : SPOOL_ENVELOPE_MAX;
	}
}
