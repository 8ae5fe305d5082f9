#include "ctl/manual.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_WIDTH = 78 };

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
	case SETTING_BANDWIDTH:
		snprintf(out, size, "0, octets in a second, or pool and its number");
		break;
	case SETTING_SELECTORS:
		snprintf(out, size, "selectors, separated by commas");
		break;
	case SETTING_FILE_NAME:
		snprintf(out, size, "the name of a file, without folder");
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

void manual_list(void)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		printf("%-28s %s\n", setting_definitions[i].key, setting_definitions[i].sentence);
}

void manual_explain(const struct setting_definition *definition)
{
	char values[256];

	describe_values(definition, values, sizeof values);
	printf("%s\n\n", definition->key);
	print_wrapped("    ", definition->sentence);
	print_wrapped("    ", definition->paragraph);
	printf("\n    Value:   %s\n    Default: %s\n", values,
	       definition->fallback[0] != '\0' ? definition->fallback : "(empty)");
}

void manual_conf(void)
{
	char values[256];

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
		       definition->fallback);
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

/* As arguments of a macro: a word that begins with '%' would be taken for another one. */
static void print_mdoc_default(const char *text)
{
	printf(".br\nDefault:\n.Ql ");
	for (const char *c = text; *c != '\0'; c++)
		printf("%s%c", *c == '%' && (c == text || c[-1] == ' ') ? "\\&" : "", *c);
	printf("\n");
}

static void print_mdoc_entry(const struct setting_definition *definition)
{
	char values[256];

	describe_values(definition, values, sizeof values);
	printf(".It Ic %s\n", definition->key);
	print_mdoc_text(definition->sentence);
	print_mdoc_text(definition->paragraph);
	printf(".br\nValue: ");
	print_mdoc_text(values);
	if (definition->fallback[0] == '\0')
		printf(".br\nDefault: empty.\n");
	else
		print_mdoc_default(definition->fallback);
}

void manual_mdoc(void)
{
	printf(".\\\" Made from common/settings/catalogue.def by \"postroom settings --format man\".\n"
	       ".Dd November 21, 2026\n"
	       ".Dt POSTROOM-SETTINGS 5\n"
	       ".Os\n"
	       ".Sh NAME\n"
	       ".Nm postroom-settings\n"
	       ".Nd settings of the Postroom mail server\n"
	       ".Sh DESCRIPTION\n"
	       "A mail administrator shows settings with\n"
	       ".Ic postroom get ,\n"
	       "changes one with\n"
	       ".Ic postroom set Ar key value\n"
	       "and returns it to its default with\n"
	       ".Ic postroom unset Ar key .\n"
	       "A change is taken over by running daemons without a restart.\n"
	       "What a process needs to start (ports, paths, users) is in\n"
	       ".Xr postroom.conf 5 .\n"
	       ".Pp\n"
	       "The settings are:\n"
	       ".Bl -tag -width Ds\n");
	for (int i = 0; i < SETTING_COUNT; i++)
		print_mdoc_entry(&setting_definitions[i]);
	printf(".El\n"
	       ".Sh SEE ALSO\n"
	       ".Xr postroom 1 ,\n"
	       ".Xr postroom.conf 5 ,\n"
	       ".Xr configd 8\n");
}
