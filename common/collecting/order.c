/* routing: the order in which the sources of recipients are read. */
#include "common/collecting/routing.h"

static const char *const step_words[] = {
    [ROUTING_STEP_NONE] = "none",
    [ROUTING_STEP_SPECIAL] = "special",
    [ROUTING_STEP_STANDARD] = "standard",
    [ROUTING_STEP_RECEIVED] = "received",
    [ROUTING_STEP_STOP_IF_FOUND] = "stop-if-found",
    [ROUTING_STEP_STOP] = "stop",
};

enum { STEP_WORDS = sizeof step_words / sizeof step_words[0] };

int routing_parse_order(struct str text, enum routing_step order[ROUTING_STEPS_MAX], struct err *err)
{
	size_t count = 0;

	for (struct str word = str_cut_item(&text); word.len > 0; word = str_cut_item(&text)) {
		int step = 0;

		while (step < STEP_WORDS && !str_equal_nocase(word, str_of(step_words[step])))
			step++;
		if (step == STEP_WORDS)
			return err_set(err, ERR_SYNTAX,
			               "\"%.*s\" is none of special, standard, received, stop-if-found, stop, none",
			               STR_ARG(str_sub(word, 0, 40)));
		if (count == ROUTING_STEPS_MAX)
			return err_set(err, ERR_LIMIT, "there are at most %d steps", ROUTING_STEPS_MAX);
		order[count++] = (enum routing_step)step;
	}
	while (count < ROUTING_STEPS_MAX)
		order[count++] = ROUTING_STEP_NONE;
	return 0;
}

static bool reads(enum routing_step step)
{
	return step == ROUTING_STEP_SPECIAL || step == ROUTING_STEP_STANDARD || step == ROUTING_STEP_RECEIVED;
}

static bool stands_before(const enum routing_step *order, int place, enum routing_step step)
{
	for (int i = 0; i < place; i++)
		if (order[i] == step)
			return true;
	return false;
}

/* What is odd about a step, given those before it; NULL: nothing. */
static const char *oddity(const enum routing_step *order, int place)
{
	bool read_any = false;

	for (int i = 0; i < place; i++)
		read_any |= reads(order[i]);
	if (order[place] == ROUTING_STEP_NONE)
		return NULL;
	if (stands_before(order, place, ROUTING_STEP_STOP))
		return "is never reached: \"stop\" stands before it";
	if (reads(order[place]) && stands_before(order, place, order[place]))
		return "is there twice";
	if (!reads(order[place]) && !read_any)
		return "comes before anything was read";
	return NULL;
}

size_t routing_check_order(const enum routing_step order[ROUTING_STEPS_MAX], struct str *warnings, size_t room,
                           struct arena *arena)
{
	bool read_any = false;
	size_t count = 0;

	for (int i = 0; i < ROUTING_STEPS_MAX; i++) {
		const char *words = oddity(order, i);

		read_any |= reads(order[i]) && !stands_before(order, i, ROUTING_STEP_STOP);
		if (words != NULL && count < room)
			warnings[count++] = arena_printf(arena, "step %d, \"%s\", %s", i + 1, step_words[order[i]], words);
	}
	if (!read_any && count < room)
		warnings[count++] = STR("nothing is read: every message is a routing error");
	return count;
}
