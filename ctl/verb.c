#include "ctl/verb.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { CELL_MAX = 32, FILE_MAX = 1 << 20 };

/* The objects of a listing, as an array. */
static json_t *read_rows(const struct ipc_message *reply, const char *row)
{
	json_t *list = json_array();
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, str_of(row)))
			json_array_append_new(list, json_loadb(value.data, value.len, 0, NULL));
	return list;
}

/* The name of a column in rows and headings. */
static const char *column_name(const char *column)
{
	return column + (column[0] == VERB_TIME);
}

static const char *time_text(json_int_t seconds, char out[CELL_MAX])
{
	time_t time = (time_t)seconds;
	struct tm local;

	if (time <= 0 || localtime_r(&time, &local) == NULL || strftime(out, CELL_MAX, "%Y-%m-%d %H:%M:%S", &local) == 0)
		return "-";
	return out;
}

/* A cell as text: a flag as its column's name or nothing, so that a column reads like a remark. */
static const char *cell_text(const json_t *value, const char *column, char number[CELL_MAX])
{
	if (column[0] == VERB_TIME)
		return time_text(json_integer_value(value), number);
	if (json_is_boolean(value))
		return json_is_true(value) ? column : "-";
	if (json_is_string(value))
		return json_string_length(value) != 0 ? json_string_value(value) : "-";
	snprintf(number, CELL_MAX, "%lld", (long long)json_integer_value(value));
	return number;
}

static void print_row(const char *const *columns, const json_t *row, const int *widths)
{
	char number[CELL_MAX];

	for (int i = 0; columns[i] != NULL; i++) {
		/* The row of headings is NULL. */
		const char *name = column_name(columns[i]);
		const char *text = row == NULL ? name : cell_text(json_object_get(row, name), columns[i], number);

		if (columns[i + 1] != NULL)
			printf("%-*s  ", widths[i], text);
		else
			printf("%s\n", text);
	}
}

static void print_table(const char *const *columns, const json_t *rows)
{
	int widths[VERB_COLUMNS_MAX] = {0};
	char number[CELL_MAX];

	for (int i = 0; columns[i] != NULL; i++) {
		widths[i] = (int)strlen(column_name(columns[i]));
		for (size_t index = 0; index < json_array_size(rows); index++) {
			const json_t *cell = json_object_get(json_array_get(rows, index), column_name(columns[i]));
			int len = (int)strlen(cell_text(cell, columns[i], number));

			if (len > widths[i])
				widths[i] = len;
		}
	}
	print_row(columns, NULL, widths);
	for (size_t index = 0; index < json_array_size(rows); index++)
		print_row(columns, json_array_get(rows, index), widths);
}

void verb_print_rows(const char *const *columns, const json_t *rows, bool as_json)
{
	if (as_json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		print_table(columns, rows);
	}
}

static void print_listing(const struct verb *verb, const struct ipc_message *reply, bool as_json)
{
	json_t *rows = read_rows(reply, verb->row);

	verb_print_rows(verb->columns, rows, as_json);
	json_decref(rows);
}

/* How a password comes: --password-stdin, --no-password, or neither. */
struct given {
	bool password_stdin, no_password, as_json;
};

static int add_file(const struct verb_option *option, const char *path, struct ipc_message *request)
{
	int status = CTL_DONE;
	struct buf text;
	struct err err;

	buf_init(&text, FILE_MAX);
	if (io_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &err) != 0)
		status = ctl_refuse_err(&err);
	else
		ipc_add(request, option->field, buf_str(&text));
	buf_free(&text);
	return status;
}

static int add_option(const struct verb *verb, const struct verb_option *option, const char *value,
                      struct ipc_message *request, struct given *given)
{
	switch (option->type) {
	case OPTION_TEXT:
		ipc_add_text(request, option->field, value);
		break;
	case OPTION_FILE:
		return add_file(option, value, request);
	case OPTION_ON:
		ipc_add_number(request, option->field, 1);
		break;
	case OPTION_SWITCH:
		if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
			fprintf(stderr, "postroom: --%s takes on or off\n", option->name);
			return ctl_usage(&verb->command);
		}
		ipc_add_number(request, option->field, strcmp(value, "on") == 0);
		break;
	case OPTION_PASSWORD:
		given->password_stdin = true;
		break;
	case OPTION_NO_PASSWORD:
		given->no_password = true;
		break;
	}
	return CTL_DONE;
}

/* Options and arguments into the request's fields. */
static int read_arguments(const struct verb *verb, int argc, char **argv, struct ipc_message *request,
                          struct given *given)
{
	enum { JSON = VERB_OPTIONS_MAX };
	struct option options[VERB_OPTIONS_MAX + 2] = {{0}};
	int count = 0, option, argument = 0, status;

	for (; count < VERB_OPTIONS_MAX && verb->options[count].name != NULL; count++) {
		enum option_type type = verb->options[count].type;
		bool takes_value = type == OPTION_TEXT || type == OPTION_FILE || type == OPTION_SWITCH;

		options[count] = (struct option){verb->options[count].name, takes_value, NULL, count};
	}
	if (verb->row != NULL)
		options[count] = (struct option){"json", no_argument, NULL, JSON};
	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == JSON)
			given->as_json = true;
		else if (option == '?')
			return ctl_usage(&verb->command);
		else if ((status = add_option(verb, &verb->options[option], optarg, request, given)) != CTL_DONE)
			return status;
	}
	while (verb->arguments[argument] != NULL && optind < argc)
		ipc_add_text(request, verb->arguments[argument++], argv[optind++]);
	for (; verb->has_pairs && optind + 1 < argc; optind += 2) {
		ipc_add_text(request, "key", argv[optind]);
		ipc_add_text(request, "value", argv[optind + 1]);
	}
	return verb->arguments[argument] == NULL && optind == argc ? CTL_DONE : ctl_usage(&verb->command);
}

static int add_password(const struct verb *verb, const struct given *given, struct ipc_message *request)
{
	char password[CTL_PASSWORD_MAX + 1];
	int status;

	if (given->no_password && given->password_stdin)
		return ctl_usage(&verb->command);
	if (given->no_password || (!given->password_stdin && !verb->wants_password))
		return CTL_DONE;
	status = ctl_read_password(given->password_stdin, password);
	if (status == CTL_DONE)
		ipc_add_text(request, "password", password);
	memory_wipe(password, sizeof password);
	return status;
}

void verb_print_warnings(const struct ipc_message *reply)
{
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("warning")))
			fprintf(stderr, "postroom: warning: %.*s\n", STR_ARG(value));
}

static int run_verb(struct ctl *ctl, const struct verb *verb, int argc, char **argv)
{
	struct ipc_message request, reply;
	struct given given = {false, false, false};
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, verb->op);
	if (verb->fixed_text != NULL)
		ipc_add_text(&request, verb->fixed_field, verb->fixed_text);
	else if (verb->fixed_field != NULL)
		ipc_add_number(&request, verb->fixed_field, verb->fixed_value);
	argv[0] = (char *)ctl->program; /* what getopt's messages begin with */
	status = read_arguments(verb, argc, argv, &request, &given);
	if (status == CTL_DONE)
		status = add_password(verb, &given, &request);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, verb->callee != NULL ? verb->callee : "configd", &request, &reply);
	if (status == CTL_DONE)
		verb_print_warnings(&reply);
	if (status == CTL_DONE && verb->row != NULL)
		print_listing(verb, &reply, given.as_json);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The word behind the last space of "user add". */
static const char *verb_word(const struct verb *verb)
{
	return strrchr(verb->command.name, ' ') + 1;
}

static void print_commands(const struct verb *verbs, FILE *out)
{
	fprintf(out, "usage:\n");
	for (const struct verb *verb = verbs; verb->command.name != NULL; verb++)
		fprintf(out, "  postroom [-C DIR] %s %s\n", verb->command.name, verb->command.arguments);
}

int verb_run(struct ctl *ctl, const struct verb *verbs, int argc, char **argv)
{
	const struct verb *verb = verbs;

	while (argc > 1 && verb->command.name != NULL && strcmp(verb_word(verb), argv[1]) != 0)
		verb++;
	if (argc > 1 && verb->command.name != NULL) {
		if (argc > 2 && strcmp(argv[2], "--help") == 0) {
			printf("usage: postroom [-C DIR] %s %s\n\n%s\n", verb->command.name, verb->command.arguments,
			       verb->command.sentence);
			return CTL_DONE;
		}
		return verb->command.run != NULL ? verb->command.run(ctl, argc - 1, argv + 1)
		                                 : run_verb(ctl, verb, argc - 1, argv + 1);
	}
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		print_commands(verbs, stdout);
		return CTL_DONE;
	}
	if (argc > 1)
		fprintf(stderr, "postroom: there is no command %s %s\n", argv[0], argv[1]);
	print_commands(verbs, stderr);
	return CTL_USAGE;
}
