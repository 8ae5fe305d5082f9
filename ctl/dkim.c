/*
 * Keys of DKIM: add, list, show, delete. The files are in etc/dkim, where signer finds them by itself; they are written
 * here, not by a daemon, so that no daemon can change them.
 */
#include "ctl/ctl.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/base/memory.h"
#include "common/mailauth/dkim/key_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

enum {
	PATH_SIZE = INSTANCE_PATH_MAX + DKIM_KEY_NAME_MAX + 64,
	DEFAULT_BITS = 2048, /* RFC 8301 3.2; what every DNS server can hold */
	STRING_MAX = 255,    /* octets of one string of a TXT record, RFC 1035 3.3.14 */
	RECORD_MAX = 4096,
};

/* One command's arguments. */
struct dkim_command {
	struct ctl *ctl;
	const struct ctl_command *usage;
	enum dkim_key_type type;
	unsigned bits;
	bool as_json;
	char domain[ADDR_DOMAIN_MAX + 1], selector[DKIM_SELECTOR_MAX + 1];
	char path[PATH_SIZE]; /* of the key's file */
};

static int take_option(struct dkim_command *command, int option)
{
	uint64_t bits;

	switch (option) {
	case 't':
		if (strcmp(optarg, "rsa") != 0 && strcmp(optarg, "ed25519") != 0)
			return ctl_refuse("--type is rsa or ed25519, not \"%s\"", optarg);
		command->type = strcmp(optarg, "rsa") == 0 ? DKIM_RSA : DKIM_ED25519;
		return CTL_DONE;
	case 'b':
		if (!str_to_u64(str_of(optarg), DKIM_RSA_BITS_MAX, &bits) || bits < DKIM_RSA_BITS_MIN)
			return ctl_refuse("--bits is a number from %d to %d", DKIM_RSA_BITS_MIN, DKIM_RSA_BITS_MAX);
		command->bits = (unsigned)bits;
		return CTL_DONE;
	case 'j':
		command->as_json = true;
		return CTL_DONE;
	default:
		return ctl_usage(command->usage);
	}
}

/* Domain and selector, and the file that they name. */
static int take_names(struct dkim_command *command, const char *domain, const char *selector)
{
	char name[DKIM_KEY_NAME_MAX];
	struct arena arena;
	struct str normal;
	struct err err;
	int result = -1;

	arena_init(&arena);
	if (!addr_is_domain(str_of(domain)) || addr_normalise_domain(str_of(domain), &arena, &normal, &err) != 0) {
		err_set(&err, ERR_SYNTAX, "\"%s\" is not a domain", domain);
	} else {
		result = dkim_key_file_name(normal, str_of(selector), name, &err);
		str_copy(normal, command->domain, sizeof command->domain);
	}
	arena_free(&arena);
	if (result != 0)
		return ctl_refuse_err(&err);
	str_copy(str_of(selector), command->selector, sizeof command->selector);
	snprintf(command->path, sizeof command->path, "%s/" DKIM_KEY_FOLDER "/%s", command->ctl->instance.etc, name);
	return CTL_DONE;
}

static int parse(struct dkim_command *command, int argc, char **argv, int arguments)
{
	static const struct option options[] = {{"type", required_argument, NULL, 't'},
	                                        {"bits", required_argument, NULL, 'b'},
	                                        {"json", no_argument, NULL, 'j'},
	                                        {NULL, 0, NULL, 0}};
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		status = take_option(command, option);
		if (status != CTL_DONE)
			return status;
	}
	if (argc - optind != arguments)
		return ctl_usage(command->usage);
	return arguments == 0 ? CTL_DONE : take_names(command, argv[optind], argv[optind + 1]);
}

/* The record as a line of a zone file; a string of it holds 255 octets. */
static int print_record(const struct dkim_command *command, const struct dkim_private_key *key)
{
	struct buf record;
	struct str rest;
	struct err err;

	buf_init(&record, RECORD_MAX);
	if (dkim_private_key_record(key, &record, &err) != 0) {
		buf_free(&record);
		return ctl_refuse_err(&err);
	}
	rest = buf_str(&record);
	printf("%s._domainkey.%s. IN TXT (", command->selector, command->domain);
	for (; rest.len > 0; rest = str_skip(rest, STRING_MAX))
		printf("\n\t\"%.*s\"", STR_ARG(str_sub(rest, 0, STRING_MAX)));
	printf(" )\n");
	buf_free(&record);
	return CTL_DONE;
}

static int read_key(const char *path, struct dkim_private_key *key, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), result;

	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	result = dkim_key_file_read(fd, key, err);
	close(fd);
	return result;
}

static int show_record(const struct dkim_command *command)
{
	struct dkim_private_key key;
	struct err err;
	int status;

	if (read_key(command->path, &key, &err) != 0)
		return err.sys == ENOENT ? ctl_refuse("%s has no key of the selector %s", command->domain, command->selector)
		                         : ctl_refuse_err(&err);
	status = print_record(command, &key);
	dkim_private_key_free(&key);
	return status;
}

/*
 * As root the file belongs to the group of who signs before it has its name, so that signer never finds one that it
 * cannot read.
 */
static int write_key(const struct dkim_command *command, struct str pem, struct err *err)
{
	const struct instance *instance = &command->ctl->instance;
	gid_t before = getegid(), gid = before;
	uid_t uid;
	int result;

	if (instance->separate_users && instance_user(instance, "signer", &uid, &gid, err) != 0)
		return -1;
	if (setegid(gid) != 0)
		return err_system(err, "cannot use the group of signer");
	result = io_replace_file(command->path, pem, 0640, err);
	if (setegid(before) != 0 && result == 0)
		result = err_system(err, "cannot return to the own group");
	return result;
}

static int dkim_add(struct dkim_command *command, int argc, char **argv)
{
	struct buf pem;
	struct err err;
	int status = parse(command, argc, argv, 2);

	if (status != CTL_DONE)
		return status;
	if (access(command->path, F_OK) == 0)
		return ctl_refuse("%s has a key of the selector %s; a new key gets a new selector", command->domain,
		                  command->selector);
	buf_init(&pem, DKIM_KEY_FILE_MAX);
	if (dkim_private_key_make(command->type, command->bits, &pem, &err) != 0 ||
	    write_key(command, buf_str(&pem), &err) != 0)
		status = ctl_refuse_err(&err);
	if (pem.data != NULL)
		memory_wipe(pem.data, pem.len);
	buf_free(&pem);
	return status == CTL_DONE ? show_record(command) : status;
}

static int dkim_show(struct dkim_command *command, int argc, char **argv)
{
	int status = parse(command, argc, argv, 2);

	return status == CTL_DONE ? show_record(command) : status;
}

static int dkim_delete(struct dkim_command *command, int argc, char **argv)
{
	int status = parse(command, argc, argv, 2);

	if (status == CTL_DONE && unlink(command->path) != 0)
		status = errno == ENOENT ? ctl_refuse("%s has no key of the selector %s", command->domain, command->selector)
		                         : ctl_refuse("cannot remove %s: %s", command->path, strerror(errno));
	return status;
}

/* What is to be said of the file of that name; NULL: it is no key's. */
static json_t *describe(const struct dkim_command *command, const char *name)
{
	struct str domain, selector;
	struct dkim_private_key key = {0};
	char path[PATH_SIZE];
	struct err err;
	json_t *row;

	if (!dkim_key_file_parse(str_of(name), &domain, &selector))
		return NULL;
	snprintf(path, sizeof path, "%s/" DKIM_KEY_FOLDER "/%s", command->ctl->instance.etc, name);
	row = json_pack("{s:s%, s:s%}", "domain", domain.data, domain.len, "selector", selector.data, selector.len);
	if (read_key(path, &key, &err) != 0) {
		json_object_set_new(row, "problem", json_string(err.text));
		return row;
	}
	json_object_set_new(row, "type", json_string(key.type == DKIM_RSA ? "rsa" : "ed25519"));
	json_object_set_new(row, "bits", json_integer(EVP_PKEY_get_bits(key.pkey)));
	dkim_private_key_free(&key);
	return row;
}

static void print_rows(const json_t *rows)
{
	printf("%-30s  %-20s  %s\n", "domain", "selector", "key");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i), *problem = json_object_get(row, "problem");

		printf("%-30s  %-20s  ", json_string_value(json_object_get(row, "domain")),
		       json_string_value(json_object_get(row, "selector")));
		if (problem != NULL)
			printf("%s\n", json_string_value(problem));
		else
			printf("%s, %lld bits\n", json_string_value(json_object_get(row, "type")),
			       (long long)json_integer_value(json_object_get(row, "bits")));
	}
}

static int dkim_list(struct dkim_command *command, int argc, char **argv)
{
	char folder[INSTANCE_PATH_MAX + 128];
	struct dirent **names;
	json_t *rows;
	int count, status = parse(command, argc, argv, 0);

	if (status != CTL_DONE)
		return status;
	count = scandir(instance_path(folder, sizeof folder, command->ctl->instance.etc, DKIM_KEY_FOLDER), &names, NULL,
	                alphasort);
	if (count < 0)
		return ctl_refuse("cannot read %s: %s", folder, strerror(errno));
	rows = json_array();
	for (int i = 0; i < count; i++) {
		json_t *row = describe(command, names[i]->d_name);

		if (row != NULL)
			json_array_append_new(rows, row);
		memory_free(names[i]);
	}
	memory_free(names);
	if (command->as_json && json_dumpf(rows, stdout, JSON_INDENT(2)) == 0)
		printf("\n");
	else if (!command->as_json)
		print_rows(rows);
	json_decref(rows);
	return CTL_DONE;
}

int ctl_dkim(struct ctl *ctl, int argc, char **argv)
{
	static const struct {
		struct ctl_command usage;
		int (*run)(struct dkim_command *command, int argc, char **argv);
	} verbs[] = {
	    {{"dkim add", "DOMAIN SELECTOR [--type rsa|ed25519] [--bits N]", NULL, NULL, false}, dkim_add},
	    {{"dkim list", "[--json]", NULL, NULL, false}, dkim_list},
	    {{"dkim show", "DOMAIN SELECTOR", NULL, NULL, false}, dkim_show},
	    {{"dkim delete", "DOMAIN SELECTOR", NULL, NULL, false}, dkim_delete},
	};
	enum { COUNT = sizeof verbs / sizeof verbs[0] };

	for (int i = 0; argc > 1 && i < COUNT; i++) {
		struct dkim_command command = {.ctl = ctl, .usage = &verbs[i].usage, .type = DKIM_RSA, .bits = DEFAULT_BITS};

		if (strcmp(verbs[i].usage.name + strlen("dkim "), argv[1]) == 0)
			return verbs[i].run(&command, argc - 1, argv + 1);
	}
	for (int i = 0; i < COUNT; i++)
		ctl_usage(&verbs[i].usage);
	return CTL_USAGE;
}
