/*
 * Access lists, their interchange form, the machine's networks as they are detected; the tables of GeoIP.
 */
#include "ctl/verb.h"

#include "common/base/io.h"
#include "common/policy/networks.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

static int run_export(struct ctl *ctl, int argc, char **argv);
static int run_import(struct ctl *ctl, int argc, char **argv);
static int run_show_networks(struct ctl *ctl, int argc, char **argv);
static int run_importcsv(struct ctl *ctl, int argc, char **argv);

static const struct ctl_command export_usage = {"access export", "--list LIST [FILE]", NULL, NULL, false},
                                import_usage = {"access import", "--list LIST [--open-relay] FILE", NULL, NULL, false},
                                networks_usage = {"access show-networks", "[--json]", NULL, NULL, false},
                                importcsv_usage = {"geoip importcsv", "FILE COLUMNS [--ipv6]", NULL, NULL, false};

static const struct verb access_verbs[] = {
    {.command = VERB_USAGE("access lists", "[--json]", "List the access lists."),
     .op = "access-lists",
     .columns = {"name", "rules", "use-global"},
     .row = "list"},
    {.command = VERB_USAGE("access list", "--list LIST [--json]", "List the rules of an access list."),
     .op = "access-list",
     .options = {{"list", OPTION_TEXT, "list"}},
     .columns = {"number", "restrict", "address", "unauth", "users", "comment"},
     .row = "rule"},
    {.command = VERB_USAGE("access add",
                           "--list LIST allow|block ADDRESS[/PREFIX]|routers|local|any|any4|any6|geoip:TAG,... "
                           "[--unauth] [--users NAME,...] [--comment TEXT] [--open-relay]",
                           "Add a rule; it goes where it belongs, the more specific first."),
     .op = "access-add",
     .arguments = {"restrict", "address"},
     .options = {{"list", OPTION_TEXT, "list"},
                 {"unauth", OPTION_ON, "unauth"},
                 {"users", OPTION_TEXT, "users"},
                 {"comment", OPTION_TEXT, "comment"},
                 {"open-relay", OPTION_ON, "open-relay"}}},
    {.command = VERB_USAGE("access remove", "--list LIST NUMBER", "Remove a rule by its number."),
     .op = "access-remove",
     .arguments = {"number"},
     .options = {{"list", OPTION_TEXT, "list"}}},
    {.command = VERB_USAGE("access set", "--list LIST --use-global on|off", "Must the global list allow, too?"),
     .op = "access-set",
     .options = {{"list", OPTION_TEXT, "list"}, {"use-global", OPTION_SWITCH, "use-global"}}},
    {.command = VERB_USAGE("access defaults", "--list LIST", "Replace the rules by the ones a list begins with."),
     .op = "access-defaults",
     .options = {{"list", OPTION_TEXT, "list"}}},
    {.command = VERB_OF("access export", "--list LIST [FILE]", "Write a list in the interchange form.", run_export)},
    {.command = VERB_OF("access import", "--list LIST [--open-relay] FILE",
                        "Replace a list by one in the interchange form.", run_import)},
    {.command = VERB_OF("access show-networks", "[--json]", "Show the routers and local networks as detected.",
                        run_show_networks)},
    {.command = {NULL}},
};

static const struct verb geoip_verbs[] = {
    {.command = VERB_OF("geoip importcsv", "FILE COLUMNS [--ipv6]",
                        "Replace the table by a CSV file; COLUMNS are the digits of the columns of first address, last "
                        "address and name, as in 125.",
                        run_importcsv)},
    {.command = VERB_USAGE("geoip delete", "ADDRESS", "Delete the ranges that hold an address."),
     .op = "geoip-delete",
     .arguments = {"address"}},
    {.command = {NULL}},
};

/* "--list LIST [FILE]" anywhere, and --open-relay where it is asked for; false where it is anything else. */
static bool read_list_and_file(int argc, char **argv, const char **list, const char **file, bool *open_relay)
{
	*list = *file = NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0 && i + 1 < argc)
			*list = argv[++i];
		else if (open_relay != NULL && strcmp(argv[i], "--open-relay") == 0)
			*open_relay = true;
		else if (*file == NULL && (argv[i][0] != '-' || argv[i][1] == '\0'))
			*file = argv[i];
		else
			return false;
	}
	return *list != NULL;
}

/* The text is written as it is: no line end behind the last line, but on a terminal. */
static int write_text(const char *path, struct str text)
{
	struct err err;
	int result;

	if (path != NULL && strcmp(path, "-") != 0)
		result = io_replace_file(path, text, 0644, &err);
	else if ((result = io_write_all(STDOUT_FILENO, text.data, text.len, &err)) == 0 && isatty(STDOUT_FILENO))
		result = io_write_all(STDOUT_FILENO, "\n", 1, &err);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

static int run_export(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	const char *list, *file;
	int status;

	if (!read_list_and_file(argc, argv, &list, &file, NULL))
		return ctl_usage(&export_usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "access-export");
	ipc_add_text(&request, "list", list);
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		status = write_text(file, ipc_get(&reply, "text"));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int send_text(struct ctl *ctl, const char *list, struct str text, bool open_relay)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "access-import");
	ipc_add_text(&request, "list", list);
	ipc_add(&request, "text", text);
	ipc_add_number(&request, "open-relay", open_relay);
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		verb_print_warnings(&reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int run_import(struct ctl *ctl, int argc, char **argv)
{
	const char *list, *file;
	struct buf text;
	struct err err;
	bool open_relay = false;
	int status;

	if (!read_list_and_file(argc, argv, &list, &file, &open_relay) || file == NULL)
		return ctl_usage(&import_usage);
	buf_init(&text, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	if (io_read_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file, &text, &err) == 0)
		status = send_text(ctl, list, buf_str(&text), open_relay);
	else
		status = ctl_refuse_err(&err);
	buf_free(&text);
	return status;
}

static json_t *json_of(const struct cidr *list, size_t count)
{
	json_t *array = json_array();
	struct buf text;

	buf_init(&text, CIDR_TEXT_MAX);
	for (size_t i = 0; i < count; i++) {
		buf_reset(&text);
		cidr_format(&list[i], &text);
		json_array_append_new(array, json_string(buf_text(&text)));
	}
	buf_free(&text);
	return array;
}

static void print_networks(const char *title, const json_t *list)
{
	const json_t *text;
	size_t index;

	printf("%s", title);
	json_array_foreach (list, index, text) {
		printf("%s %s", index == 0 ? "" : ",", json_string_value(text));
	}
	printf("%s\n", json_array_size(list) == 0 ? " none" : "");
}

static int run_show_networks(struct ctl *ctl, int argc, char **argv)
{
	bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct networks networks;
	json_t *found;
	struct err err;

	(void)ctl;
	if (argc > 1 && !as_json)
		return ctl_usage(&networks_usage);
	if (networks_open(&networks, &err) != 0)
		return ctl_refuse_err(&err);
	found = json_pack("{s:o, s:o}", "routers", json_of(networks.routers, networks.router_count), "local",
	                  json_of(networks.local, networks.local_count));
	networks_close(&networks);
	if (as_json) {
		json_dumpf(found, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		print_networks("Routers:", json_object_get(found, "routers"));
		print_networks("Local networks:", json_object_get(found, "local"));
	}
	json_decref(found);
	return CTL_DONE;
}

static int send_file(struct ctl *ctl, const char *path, const char *columns, bool is_ipv6)
{
	struct ipc_message request, reply;
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return ctl_refuse("cannot open %s: %s", path, strerror(errno));
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "geoip-import");
	ipc_add_text(&request, "columns", columns);
	ipc_add_number(&request, "ipv6", is_ipv6);
	ipc_add_fd(&request, fd);
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		printf("%.*s ranges\n", STR_ARG(ipc_get(&reply, "rows")));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	close(fd);
	return status;
}

static int run_importcsv(struct ctl *ctl, int argc, char **argv)
{
	const char *arguments[2];
	bool is_ipv6 = false;
	int count = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--ipv6") == 0)
			is_ipv6 = true;
		else if (count < 2 && (argv[i][0] != '-' || argv[i][1] == '\0'))
			arguments[count++] = argv[i];
		else
			return ctl_usage(&importcsv_usage);
	}
	return count == 2 ? send_file(ctl, arguments[0], arguments[1], is_ipv6) : ctl_usage(&importcsv_usage);
}

int ctl_access(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, access_verbs, argc, argv);
}

int ctl_geoip(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, geoip_verbs, argc, argv);
}
