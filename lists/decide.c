#include "lists/decide.h"

/* RFC 3834 2: automatic answers are no contributions, and answering them again makes a loop. */
static const char *find_loop(const struct post_facts *facts)
{
	if (facts->has_marker)
		return "it came back to the list";
	if (facts->null_sender)
		return "it has no return path";
	if (facts->is_automatic && !facts->from_listd)
		return "it is an automatic answer";
	return NULL;
}

static const char *find_refusal(const struct list_settings *settings, const struct post_facts *facts)
{
	int64_t most = list_settings_number(settings, LIST_SETTING_MAX_SIZE) * 1024;

	if (facts->is_banned)
		return "5.7.1 you may not post to this list";
	if (most > 0 && facts->size > most)
		return "5.3.4 the message is too large for this list";
	if (facts->is_moderator || list_settings_is(settings, LIST_SETTING_WHO_MAY_POST, "anyone"))
		return NULL;
	if (list_settings_is(settings, LIST_SETTING_WHO_MAY_POST, "moderators"))
		return "5.7.2 only moderators may post to this list";
	return facts->is_member ? NULL : "5.7.2 only members may post to this list";
}

static bool is_spam(const struct list_settings *settings, const struct post_facts *facts)
{
	int64_t threshold = list_settings_number(settings, LIST_SETTING_SPAM_THRESHOLD);

	return threshold >= 0 && facts->has_score && facts->score >= threshold * 100;
}

static bool is_held(const struct list_settings *settings, const struct post_facts *facts)
{
	if (facts->is_moderator)
		return false;
	if (list_settings_is(settings, LIST_SETTING_MODERATION, "all"))
		return true;
	return list_settings_is(settings, LIST_SETTING_MODERATION, "non-members") && !facts->is_member;
}

enum verdict decide_post(const struct list_settings *settings, const struct post_facts *facts, const char **why_out)
{
	*why_out = find_loop(facts);
	if (*why_out != NULL)
		return VERDICT_DISCARD;
	*why_out = find_refusal(settings, facts);
	if (*why_out != NULL)
		return list_settings_is(settings, LIST_SETTING_REFUSED, "discard") ? VERDICT_DISCARD : VERDICT_REFUSE;
	if (is_spam(settings, facts)) {
		*why_out = "it is spam";
		return VERDICT_SPAM;
	}
	if (is_held(settings, facts)) {
		*why_out = "it waits for a moderator";
		return VERDICT_HOLD;
	}
	*why_out = "";
	return VERDICT_DISTRIBUTE;
}
