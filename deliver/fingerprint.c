/* decider: by what a message from outside is known when it comes again (specification 07, "Misc"). */
#include "common/mime/header.h"
#include "deliver/decider.h"

#include <openssl/sha.h>
#include <stdio.h>

/* Only what comes from strangers, and not what was passed on here. */
static bool is_compared(const struct subject *subject)
{
	const struct spool_envelope *envelope = &subject->order->envelope;

	return settings_number(&subject->desk->settings, SETTING_DUPLICATES_DAYS) > 0 && subject->type == FACTS_INCOMING &&
	       (str_equal(envelope->producer, STR("smtpd")) || str_equal(envelope->producer, STR("collector")));
}

struct str subject_fingerprint(struct subject *subject)
{
	static const char *const names[] = {"Message-ID", "From", "Subject", "Date", "To", "Cc"};
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char text[DECISION_FINGERPRINT_MAX + 1];
	struct str result;
	struct buf all;

	if (!is_compared(subject))
		return STR("");
	buf_init(&all, DECISION_HEADER_MAX);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct mime_field field;
		struct str value = STR("");

		if (mime_field_find(subject->header, str_of(names[i]), &field))
			value = str_trim(mime_unfold(field.value, &subject->arena));
		if (i == 0 && value.len == 0)
			break; /* without a Message-ID two messages may look alike and are not */
		buf_printf(&all, "%.*s\n", STR_ARG(value));
	}
	SHA256((const unsigned char *)buf_text(&all), all.len, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	result = all.len > 0 ? arena_copy(&subject->arena, str_of(text)) : STR("");
	buf_free(&all);
	return result;
}
