#include "ctl/manual.h"

#include "common/settings/attributes.h"
#include "common/settings/connectors.h"
#include "common/settings/list_settings.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_WIDTH = 78, DEFAULT_SIZE = 512 };

/* The words of a choice, as in "none, optional or required". */
static void describe_choices(const char *choices, const char *last, char *out, size_t size)
{
	size_t used = 0;

	for (const char *c = choices; *c != '\0' && used + 8 < size; c++) {
		if (*c != '|')
			out[used++] = *c;
		else
			used += (size_t)snprintf(out + used, size - used, "%s", strchr(c + 1, '|') != NULL ? ", " : last);
	}
	out[used] = '\0';
}

/* What a value may be, as in "a number of seconds from 5 to 3600". */
static void describe_values(const struct setting_definition *definition, char *out, size_t size)
{
	const char *unit = definition->unit != NULL ? definition->unit : "";
	char words[200];

	switch (definition->type) {
	case SETTING_TEXT:
		if (definition->max > 0)
			snprintf(out, size, "text of at most %" PRId64 " characters", definition->max);
		else
			snprintf(out, size, "text of one line");
		break;
	case SETTING_FLAG:
		snprintf(out, size, "on or off");
		break;
	case SETTING_NUMBER:
		snprintf(out, size, "a number%s%s from %" PRId64 " to %" PRId64, *unit != '\0' ? " of " : "", unit,
		         definition->min, definition->max);
		break;
	case SETTING_CHOICE:
		describe_choices(definition->choices, " or ", out, size);
		break;
	case SETTING_SET:
		describe_choices(definition->choices, " and ", words, sizeof words);
		snprintf(out, size, "any of %s, separated by commas, or nothing", words);
		break;
	case SETTING_SENDERS:
		snprintf(out, size, "entries of ADDRESS or ADDRESS/LENGTH, LOCAL@DOMAIN, service=NUMBER, separated by commas");
		break;
	case SETTING_NETWORKS:
		snprintf(out, size, "networks (ADDRESS or ADDRESS/LENGTH), separated by commas");
		break;
	case SETTING_HOST:
		snprintf(out, size, "a host name, or nothing");
		break;
	case SETTING_SERVERS:
		snprintf(out, size, "servers (ADDRESS or ADDRESS:PORT), separated by commas");
		break;
	case SETTING_SECONDS_LIST:
		snprintf(out, size, "numbers of seconds, separated by commas");
		break;
	case SETTING_ZONES:
		snprintf(out, size, "DNS zones, as zone or zone(regex), separated by blanks");
		break;
	case SETTING_POOLS:
		snprintf(out, size, "pools (NUMBER=BANDWIDTH or NUMBER NAME=BANDWIDTH), separated by commas");
		break;
	case SETTING_CEILINGS:
		snprintf(out, size, "servers and numbers (HOST[:PORT]-NUMBER), separated by blanks");
		break;
	case SETTING_TLS_DEMANDS:
		snprintf(out, size, "domains and demands (DOMAIN=DEMAND), separated by commas");
		break;
	case SETTING_BANDWIDTH:
		snprintf(out, size, "0, octets in a second, or pool and its number");
		break;
	case SETTING_SECRET:
		snprintf(out, size, "text that no log shows");
		break;
	case SETTING_SELECTORS:
		snprintf(out, size, "selectors, separated by commas");
		break;
	case SETTING_ACCOUNTS:
		snprintf(out, size, "TARGET=USER or TARGET=none, separated by commas");
		break;
	case SETTING_CONTROLS:
		snprintf(out, size, "controls, separated by semicolons");
		break;
	case SETTING_FILE_NAME:
		snprintf(out, size, "the name of a file, without folder");
		break;
	case SETTING_PATTERNS:
		if (definition->choices != NULL)
			describe_choices(definition->choices, " or ", words, sizeof words);
		snprintf(out, size, "%s%spatterns of addresses (as *@example.com), separated by commas",
		         definition->choices != NULL ? words : "", definition->choices != NULL ? ", or " : "");
		break;
	case SETTING_NUMBERS:
		snprintf(out, size, "numbers%s%s from %" PRId64 " to %" PRId64 ", separated by commas, or nothing",
		         *unit != '\0' ? " of " : "", unit, definition->min, definition->max);
		break;
	case SETTING_DATE:
		snprintf(out, size, "a day, as 2026-12-31, or nothing");
		break;
	case SETTING_MOMENT:
		snprintf(out, size, "YYYYMMDD, HH:MM or YYYYMMDD HH:MM, or nothing");
		break;
	case SETTING_FIELDS:
		snprintf(out, size, "names of header fields, separated by commas");
		break;
	case SETTING_MODIFIERS:
		snprintf(out, size, "lines \"Field: data\"");
		break;
	case SETTING_DOMAIN_MAP:
		snprintf(out, size, "pairs FROM=TO of domains, separated by commas");
		break;
	case SETTING_TARGETS:
		snprintf(out, size, "names of users and addresses, separated by commas");
		break;
	case SETTING_REWRITE:
		snprintf(out, size, "an address, *@DOMAIN, or nothing");
		break;
	case SETTING_SMTP_TARGET:
		snprintf(out, size, "SMTP:ADDRESS@[USER:PASSWORD@]SERVER[:PORT], or nothing");
		break;
	case SETTING_LINES:
		snprintf(out, size, "text of any number of lines");
		break;
	}
}

/* Words wrapped at LINE_WIDTH, each line behind prefix. */
static void print_wrapped(const char *prefix, const char *text)
{
	struct str rest = str_of(text), word;
	size_t column = 0;

	while ((word = str_cut_word(&rest)).len != 0) {
		if (column != 0 && column + 1 + word.len > LINE_WIDTH) {
			printf("\n");
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column == 0 ? prefix : " ", STR_ARG(word));
	}
	printf("\n");
}

/* The default on one line. */
static const char *default_line(const struct setting_definition *definition, char line[DEFAULT_SIZE])
{
	struct buf out;

	buf_init(&out, DEFAULT_SIZE - 1);
	setting_to_line(definition, str_of(definition->fallback), &out);
	str_copy(buf_str(&out), line, DEFAULT_SIZE);
	buf_free(&out);
	return line;
}

/* Whose an attribute is, where it is not everybody's. */
static const char *owner(const struct setting_definition *definition)
{
	if (definition->of_users == definition->of_groups)
		return "";
	return definition->of_users ? " (of users alone)" : " (of groups alone)";
}

void manual_list(const struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->count; i++)
		printf("%-28s %s\n", catalogue->definitions[i].key, catalogue->definitions[i].sentence);
}

int manual_explain(const struct catalogue *catalogue, const char *key)
{
	const struct setting_definition *definition;
	char values[256], line[DEFAULT_SIZE];
	struct err err;

	if (catalogue_find(catalogue, str_of(key), &definition, &err) != 0)
		return ctl_refuse_err(&err);
	describe_values(definition, values, sizeof values);
	printf("%s%s\n\n", definition->key, owner(definition));
	print_wrapped("    ", definition->sentence);
	print_wrapped("    ", definition->paragraph);
	printf("\n    Value:   %s\n    Default: %s\n", values,
	       definition->fallback[0] != '\0' ? default_line(definition, line) : "(empty)");
	return CTL_DONE;
}

void manual_conf(void)
{
	char values[256], line[DEFAULT_SIZE];

	printf("# The settings of Postroom and their defaults, to be looked at and copied from: nothing reads this file.\n"
	       "# They are changed by \"postroom set KEY VALUE\" or \"postroom import\"; see postroom-settings(5).\n"
	       "\n[settings]\n");
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct setting_definition *definition = &setting_definitions[i];

		describe_values(definition, values, sizeof values);
		printf("\n");
		print_wrapped("# ", definition->sentence);
		print_wrapped("# ", definition->paragraph);
		printf("# Value: %s.\n#%s =%s%s\n", values, definition->key, definition->fallback[0] != '\0' ? " " : "",
		       default_line(definition, line));
	}
}

/* Text for mdoc: a backslash and a leading period or quote would be read as macros; sentences begin on new lines. */
static void print_mdoc_text(const char *text)
{
	bool line_begins = true;

	for (const char *c = text; *c != '\0'; c++) {
		if (line_begins && (*c == '.' || *c == '\''))
			fputs("\\&", stdout);
		line_begins = false;
		if (*c == '\\')
			fputs("\\e", stdout);
		else if (*c == ' ' && c > text && strchr(".:", c[-1]) != NULL) {
			printf("\n");
			line_begins = true;
		} else {
			fputc(*c, stdout);
		}
	}
	printf("\n");
}

/* As an argument of a macro, a word like "It" or "%A" would be taken for another one. */
static bool is_like_macro(const char *word)
{
	return *word == '%' || (*word >= 'A' && *word <= 'Z' && strcspn(word, " ") <= 3);
}

static void print_mdoc_default(const char *text)
{
	printf(".br\nDefault:\n.Ql ");
	for (const char *c = text; *c != '\0'; c++)
		if (*c == '\\')
			fputs("\\e", stdout);
		else
			printf("%s%c", (c == text || c[-1] == ' ') && is_like_macro(c) ? "\\&" : "", *c);
	printf("\n");
}

static void print_mdoc_entry(const struct setting_definition *definition)
{
	char values[256], line[DEFAULT_SIZE];

	describe_values(definition, values, sizeof values);
	printf(".It Ic %s\n", definition->key);
	print_mdoc_text(definition->sentence);
	print_mdoc_text(definition->paragraph);
	printf(".br\nValue%s: ", owner(definition));
	print_mdoc_text(values);
	if (definition->fallback[0] == '\0')
		printf(".br\nDefault: empty.\n");
	else
		print_mdoc_default(default_line(definition, line));
}

const struct manual_page manual_of_settings = {
    .entries = "settings",
    .catalogue = &setting_catalogue,
    .source = "catalogue.def",
    .name = "settings",
    .title = "SETTINGS",
    .sentence = "settings of the Postroom mail server",
    .introduction = "A mail administrator shows settings with\n"
                    ".Ic postroom get ,\n"
                    "changes one with\n"
                    ".Ic postroom set Ar key value\n"
                    "and returns it to its default with\n"
                    ".Ic postroom unset Ar key .\n"
                    "A change is taken over by running daemons without a restart.\n"
                    "What a process needs to start (ports, paths, users) is in\n"
                    ".Xr postroom.conf 5 .\n",
};

const struct manual_page manual_of_attributes = {
    .entries = "attributes",
    .catalogue = &attribute_catalogue,
    .source = "attributes.def",
    .name = "attributes",
    .title = "ATTRIBUTES",
    .sentence = "what users and groups of the Postroom mail server have",
    .introduction = "A mail administrator shows the attributes of a user with\n"
                    ".Ic postroom user get Ar name ,\n"
                    "changes one with\n"
                    ".Ic postroom user set Ar name key value\n"
                    "and returns it to its default with\n"
                    ".Ic postroom user unset Ar name key .\n"
                    "Several names are separated by commas and may have wildcards;\n"
                    ".Ql $ Ns Ar group\n"
                    "means the members of a group,\n"
                    ".Ql \\&! Ns Ar name\n"
                    "takes out who was named before, and\n"
                    ".Fl -all\n"
                    "means all users.\n"
                    "Of lists of addresses,\n"
                    ".Ql + Ns Ar item\n"
                    "adds to what each of them has, and\n"
                    ".Ql - Ns Ar item\n"
                    "takes away from it.\n"
                    "It is done for all of them, or for none where something is refused.\n"
                    "The same commands of\n"
                    ".Ic postroom group\n"
                    "are for groups.\n"
                    ".Pp\n"
                    "The values of a group concern those whose primary group it is\n"
                    ".Pq Ic postroom group add-member Ar group user Fl -primary .\n"
                    "In force for a user is the value of this group where the group has\n"
                    ".Ic force\n"
                    "on; else the user's own; else the default.\n"
                    "A change is taken over by running daemons without a restart.\n",
};

const struct manual_page manual_of_lists = {
    .entries = "settings",
    .catalogue = &list_catalogue,
    .source = "list_settings.def",
    .name = "lists",
    .title = "LISTS",
    .sentence = "what can be set of the lists of the Postroom mail server",
    .introduction =
        "A list is of the type distribution, forwarding, mailing or database; its address is its name at every\n"
        "local domain.\n"
        "A mail administrator shows what is set of it with\n"
        ".Ic postroom list show Ar name ,\n"
        "changes that, or the\n"
        ".Ic type ,\n"
        "with\n"
        ".Ic postroom list set Ar name key value\n"
        "and returns it to its default with\n"
        ".Ic postroom list unset Ar name key .\n"
        "Before a value that begins with a hyphen stands\n"
        ".Ql -- .\n"
        "A change is taken over by running daemons without a restart.\n",
};

#define INTRODUCTION(kind, words)                               \
	words "A mail administrator shows what is set of it with\n" \
	      ".Ic postroom " kind " show Ar name ,\n"              \
	      "changes that with\n"                                 \
	      ".Ic postroom " kind " set Ar name key value\n"       \
	      "and returns it to its default with\n"                \
	      ".Ic postroom " kind " unset Ar name key .\n"         \
	      "Before a value that begins with a hyphen stands\n"   \
	      ".Ql -- .\n"                                          \
	      "A change is taken over by running daemons without a restart.\n"

const struct manual_page manual_of_connections = {
    .catalogue = &connection_catalogue,
    .source = "connection_settings.def",
    .name = "connections",
    .title = "CONNECTIONS",
    .sentence = "what can be set of the connections of the Postroom mail server",
    .introduction = INTRODUCTION("connection",
                                 "A connection is a way to the outside; it may have a sender, which has its name, and "
                                 "collectors.\nIt is started by the schedule\n.Pq Ic postroom schedule ,\nby\n"
                                 ".Ic postroom connect ,\nor by what is set here.\n"),
    .entries = "settings",
};

const struct manual_page manual_of_senders = {
    .catalogue = &sender_catalogue,
    .source = "sender_settings.def",
    .name = "senders",
    .title = "SENDERS",
    .sentence = "what can be set of the senders of the Postroom mail server",
    .introduction = INTRODUCTION(
        "sender", "A sender says how mail leaves over the connection of its name.\nIts method, servers and\n"
                  "login are options of\n.Ic postroom sender set .\n"),
    .entries = "settings",
};

const struct manual_page manual_of_collectors = {
    .catalogue = &collector_catalogue,
    .source = "collector_settings.def",
    .name = "collectors",
    .title = "COLLECTORS",
    .sentence = "what can be set of the collectors of the Postroom mail server",
    .introduction = INTRODUCTION("collector", "A collector fetches mail from elsewhere when one of its connections is "
                                              "started.\n"),
    .entries = "settings",
};

void manual_mdoc(const struct manual_page *page)
{
	printf(".\\\" Made from common/settings/%s by \"postroom %s --format man\".\n"
	       ".Dd November 21, 2026\n"
	       ".Dt POSTROOM-%s 5\n"
	       ".Os\n"
	       ".Sh NAME\n"
	       ".Nm postroom-%s\n"
	       ".Nd %s\n"
	       ".Sh DESCRIPTION\n"
	       "%s"
	       ".Pp\n"
	       "The %s are:\n"
	       ".Bl -tag -width Ds\n",
	       page->source, page->catalogue->command, page->title, page->name, page->sentence, page->introduction,
	       page->entries);
	for (size_t i = 0; i < page->catalogue->count; i++)
		print_mdoc_entry(&page->catalogue->definitions[i]);
	printf(".El\n"
	       ".Sh SEE ALSO\n"
	       ".Xr postroom 1 ,\n"
	       "%s"
	       ".Xr postroom.conf 5 ,\n"
	       ".Xr configd 8\n",
	       page->catalogue == &setting_catalogue ? "" : ".Xr postroom-settings 5 ,\n");
}

int manual_command(const struct manual_page *page, const struct ctl_command *usage, int argc, char **argv)
{
	if (argc == 2 && argv[1][0] != '-')
		return manual_explain(page->catalogue, argv[1]);
	if (argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "man") == 0)
		manual_mdoc(page);
	else if (argc == 1 || (argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "list") == 0))
		manual_list(page->catalogue);
	else
		return ctl_usage(usage);
	return CTL_DONE;
}
