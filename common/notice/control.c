#include "common/notice/control.h"

#include <string.h>

static const int64_t minute_ms = 60 * 1000;

/* What a word stands for; -1 for "all". False: for nothing. */
static bool read_word(int (*find)(struct str word), struct str word, int *value_out)
{
	*value_out = find(word);
	return *value_out >= 0 || str_equal_nocase(word, STR("all"));
}

static int parse_steps(struct str text, struct control *control, struct err *err)
{
	uint64_t number, minutes;

	while (text.data != NULL && text.len != 0) {
		struct str step = str_cut(&text, ','), count = str_cut(&step, ':');

		if (control->step_count == CONTROL_STEPS_MAX)
			return err_set(err, ERR_LIMIT, "it has more than %d steps", CONTROL_STEPS_MAX);
		if (!str_to_u64(count, 1000000, &number) || number == 0 || !str_to_u64(step, CONTROL_MINUTES_MAX, &minutes))
			return err_set(err, ERR_SYNTAX, "a step is MESSAGE:MINUTES, as in 2:10");
		if (control->step_count > 0 && (int64_t)number <= control->steps[control->step_count - 1].number)
			return err_set(err, ERR_SYNTAX, "the numbers of its steps do not grow");
		control->steps[control->step_count++] = (struct control_step){(int64_t)number, (int64_t)minutes * minute_ms};
	}
	return control->step_count != 0 ? 0 : err_set(err, ERR_SYNTAX, "it has no steps, as 1:0,2:10");
}

static int parse_items(struct str text, struct control *control, struct err *err)
{
	while (text.data != NULL && text.len != 0) {
		if (control->item_count == CONTROL_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "it names more than %d items", CONTROL_ITEMS_MAX);
		control->items[control->item_count++] = str_cut(&text, ',');
	}
	return 0;
}

static int parse_control(struct str text, struct control *control, struct err *err)
{
	struct str rest = text, component = str_cut_word(&rest), kind = str_cut_word(&rest), severity = str_cut_word(&rest),
	           forget = str_cut_word(&rest), steps = str_cut_word(&rest);
	uint64_t minutes;

	*control = (struct control){.text = text};
	if (!read_word(notice_component_of, component, &control->component))
		return err_set(err, ERR_SYNTAX, "it begins with all, misc, collector, sender, filtering or routing");
	if (!read_word(notice_kind_of, kind, &control->kind))
		return err_set(err, ERR_SYNTAX, "its second word is all, protocol, tcpip or other");
	if (!read_word(notice_severity_of, severity, &control->severity))
		return err_set(err, ERR_SYNTAX, "its third word is all, informational, warning, error, fatal or panic");
	if (!str_to_u64(forget, CONTROL_MINUTES_MAX, &minutes))
		return err_set(err, ERR_SYNTAX, "its fourth word is a number of minutes, %d at most", CONTROL_MINUTES_MAX);
	control->forget_ms = (int64_t)minutes * minute_ms;
	if (parse_steps(steps, control, err) != 0)
		return -1;
	rest = str_trim(rest);
	if (rest.len != 0 && rest.data[0] != '/' && parse_items(str_cut_word(&rest), control, err) != 0)
		return -1;
	rest = str_trim(rest);
	return rest.len == 0 ? 0 : regex_compile(rest, &control->pattern, err);
}

/* Up to the next ";" that is not in a pattern. */
static struct str cut_control(struct str *rest)
{
	bool in_pattern = false;
	size_t end = 0;

	for (; end < rest->len && (in_pattern || rest->data[end] != ';'); end++) {
		if (rest->data[end] == '\\' && in_pattern)
			end++;
		else if (end < rest->len && rest->data[end] == '/')
			in_pattern = !in_pattern;
	}
	if (end > rest->len)
		end = rest->len;
	struct str control = str_trim(str_sub(*rest, 0, end));

	*rest = str_skip(*rest, end + (end < rest->len));
	return control;
}

int controls_parse(struct str text, struct controls *controls_out, struct err *err)
{
	struct str rest = str_trim(text);

	controls_out->count = 0;
	while (rest.len != 0) {
		struct str control = cut_control(&rest);

		if (control.len == 0)
			continue;
		if (controls_out->count == CONTROLS_MAX) {
			err_set(err, ERR_LIMIT, "there are more than %d controls", CONTROLS_MAX);
			controls_free(controls_out);
			return -1;
		}
		if (parse_control(control, &controls_out->list[controls_out->count], err) != 0) {
			err_prefix(err, "control %zu", controls_out->count + 1);
			controls_free(controls_out);
			return -1;
		}
		controls_out->count++;
	}
	return 0;
}

void controls_free(struct controls *controls)
{
	for (size_t i = 0; i < controls->count; i++)
		regex_free(controls->list[i].pattern);
	controls->count = 0;
}

/* A blank of the item may be written as "-". */
static bool item_is(struct str written, struct str item)
{
	if (written.len != item.len)
		return false;
	for (size_t i = 0; i < item.len; i++)
		if (!str_equal_nocase(str_sub(written, i, 1), str_sub(item, i, 1)) &&
		    !(written.data[i] == '-' && item.data[i] == ' '))
			return false;
	return true;
}

static bool fits(const struct control *control, const struct notice *notice)
{
	bool named = control->item_count == 0;

	for (size_t i = 0; i < control->item_count && !named; i++)
		named = item_is(control->items[i], notice->item);
	return named && (control->component < 0 || control->component == (int)notice->component) &&
	       (control->kind < 0 || control->kind == (int)notice->kind) &&
	       (control->severity < 0 || control->severity == (int)notice->severity) &&
	       (control->pattern == NULL || regex_search(control->pattern, notice->subject) == REGEX_YES ||
	        regex_search(control->pattern, notice->text) == REGEX_YES);
}

const struct control *controls_find(const struct controls *controls, const struct notice *notice)
{
	for (size_t i = 0; i < controls->count; i++)
		if (fits(&controls->list[i], notice))
			return &controls->list[i];
	return NULL;
}

bool control_allows(const struct control *control, struct control_state *state, int64_t now)
{
	int64_t wait = 0;

	if (state->first != 0 && now - state->seen > control->forget_ms)
		*state = (struct control_state){0};
	if (state->first == 0)
		state->first = now;
	state->seen = now;
	for (size_t i = 0; i < control->step_count; i++)
		if (control->steps[i].number <= state->count + 1)
			wait = control->steps[i].wait_ms;
	if (now - (state->count == 0 ? state->first : state->sent) < wait)
		return false;
	state->count++;
	state->sent = now;
	return true;
}
