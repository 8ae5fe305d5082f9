/*
 * init: a new instance: users, folders, keys, a certificate, the first objects.
 *
 * Whatever it refuses, it refuses before it makes anything; where it fails later it removes what it made.
 */
#include "ctl/ctl.h"
#include "ctl/layout.h"
#include "ctl/supervisor.h"
#include "ctl/users.h"

#include "common/base/io.h"
#include "common/net/tls.h"
#include "common/spool/token.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

struct init {
	struct ctl *ctl;
	struct instance *instance;
	const char *domain;
	const char *bind;
	const char *host_name;
	uint64_t port_offset;
	bool root; /* daemons get their own users */
};

enum { SECRET_DIGITS = 32 }; /* hexadecimal, of minger.secret */

static int make_key(const struct init *init, const char *name, struct layout_owner owner, mode_t mode, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 64], folder[INSTANCE_PATH_MAX + 32];
	char key[TOKEN_KEY_LEN];

	io_random(key, sizeof key);
	instance_path(folder, sizeof folder, init->instance->etc, "keys");
	if (io_replace_file(instance_path(path, sizeof path, folder, name), str_from(key, sizeof key), 0600, err) != 0)
		return -1;
	return layout_give(init->instance, path, owner, mode, err);
}

static int make_keys(const struct init *init, struct err *err)
{
	if (make_key(init, "relay-smtpd.key", (struct layout_owner){"smtpd", "queue-manager"}, 0440, err) != 0 ||
	    make_key(init, "relay-authd.key", (struct layout_owner){"authd", "queue-manager"}, 0440, err) != 0 ||
	    make_key(init, "secrets.key", (struct layout_owner){"authd", NULL}, 0400, err) != 0)
		return -1;
	return 0;
}

/* The name in the certificate: as given, else as the server will call itself. */
static void certificate_name(const struct init *init, char *out, size_t size)
{
	char machine[HOST_NAME_MAX + 1] = "";

	gethostname(machine, sizeof machine - 1);
	if (init->host_name != NULL)
		snprintf(out, size, "%s", init->host_name);
	else if (strchr(machine, '.') != NULL)
		snprintf(out, size, "%s", machine);
	else
		snprintf(out, size, "mail.%s", init->domain);
}

static int make_certificate(const struct init *init, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 32], path[INSTANCE_PATH_MAX + 64], name[300];
	struct buf chain, key;
	int result;

	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	certificate_name(init, name, sizeof name);
	instance_path(folder, sizeof folder, init->instance->etc, "tls");
	result = tls_make_self_signed(name, &chain, &key, err);
	if (result == 0)
		result = io_replace_file(instance_path(path, sizeof path, folder, "cert.pem"), buf_str(&chain), 0644, err);
	if (result == 0)
		result = io_replace_file(instance_path(path, sizeof path, folder, "key.pem"), buf_str(&key), 0600, err);
	if (result == 0)
		result = layout_give(init->instance, path, (struct layout_owner){NULL, USERS_TLS_GROUP}, 0640, err);
	buf_free(&chain);
	buf_free(&key);
	return result;
}

static int write_conf(const struct init *init, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 32];
	struct buf text;
	int result;

	buf_init(&text, 8192);
	buf_printf(&text,
	           "# How this instance starts; see postroom.conf(5). Read at start only.\n"
	           "# What a mail administrator manages is set with \"postroom set\".\n\n"
	           "[server]\n"
	           "# Added to every default port.\n"
	           "port-offset = %u\n"
	           "# Addresses to listen on, separated by commas; empty: all.\n"
	           "bind = %s\n"
	           "# Does each daemon run as a user of its own?\n"
	           "separate-users = %s\n\n"
	           "[limits]\n"
	           "# Sessions of one service at a time.\n"
	           "sessions = 4000\n"
	           "# Largest number of users; 0: any.\n"
	           "users = 0\n",
	           (unsigned)init->port_offset, init->bind, init->root ? "yes" : "no");
	result = io_replace_file(instance_path(path, sizeof path, init->instance->etc, "postroom.conf"), buf_str(&text),
	                         0644, err);
	buf_free(&text);
	return result;
}

/* The domain, the first administrator and the way out, through configd like every change. */
static int make_objects(const struct init *init, const char *password)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "domain-add");
	ipc_add_text(&request, "name", init->domain);
	status = ctl_ask(init->ctl, "configd", &request, &reply);
	if (status == CTL_DONE && init->host_name != NULL) {
		ipc_request(&request, "set");
		ipc_add_text(&request, "key", "server.host-name");
		ipc_add_text(&request, "value", init->host_name);
		status = ctl_ask(init->ctl, "configd", &request, &reply);
	}
	if (status == CTL_DONE) {
		ipc_request(&request, "user-add");
		ipc_add_text(&request, "name", "postmaster");
		ipc_add_text(&request, "password", password);
		ipc_add_number(&request, "administrator", 1);
		status = ctl_ask(init->ctl, "configd", &request, &reply);
	}
	if (status == CTL_DONE) {
		char secret[SECRET_DIGITS + 1];

		io_random_hex(secret, SECRET_DIGITS);
		ipc_request(&request, "set");
		ipc_add_text(&request, "key", "minger.secret");
		ipc_add_text(&request, "value", secret);
		status = ctl_ask(init->ctl, "configd", &request, &reply);
	}
	if (status == CTL_DONE) {
		ipc_request(&request, "sender-add");
		ipc_add_text(&request, "name", "default");
		ipc_add_text(&request, "method", "direct");
		status = ctl_ask(init->ctl, "configd", &request, &reply);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* Must not be a network file system: locks and syncs would not hold. */
static int check_file_system(const char *path, struct err *err)
{
	enum { NFS_MAGIC = 0x6969, SMB_MAGIC = 0x517b, CIFS_MAGIC = (int)0xff534d42, SMB2_MAGIC = (int)0xfe534d42 };
	struct statfs info;

	if (statfs(path, &info) != 0)
		return err_system(err, "cannot examine %s", path);
	if ((int)info.f_type == NFS_MAGIC || (int)info.f_type == SMB_MAGIC || (int)info.f_type == CIFS_MAGIC ||
	    (int)info.f_type == SMB2_MAGIC)
		return err_set(err, ERR_DENIED, "%s is on a network file system, where mail would not be safe", path);
	return 0;
}

/* Every folder on the way must let other users through. */
static int check_way(const char *path, struct err *err)
{
	char part[PATH_MAX];

	for (size_t len = 1; len <= strlen(path); len++) {
		struct stat info;

		if (path[len] != '/' && path[len] != '\0')
			continue;
		snprintf(part, sizeof part, "%.*s", (int)len, path);
		if (stat(part, &info) == 0 && (info.st_mode & S_IXOTH) == 0)
			return err_set(err, ERR_DENIED, "other users cannot enter %s: choose another folder, or chmod o+x it",
			               part);
	}
	return 0;
}

static bool is_empty_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	if (folder == NULL)
		return false;
	while (empty && (entry = readdir(folder)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(folder);
	return empty;
}

/* DIR new or an empty folder; the system's instance: no conf file yet. */
static int check_place(const struct init *init, struct err *err)
{
	const char *dir = init->instance->dir;
	char path[INSTANCE_PATH_MAX + 32];

	if (dir[0] == '\0') {
		if (access(instance_path(path, sizeof path, init->instance->etc, "postroom.conf"), F_OK) == 0)
			return err_set(err, ERR_EXISTS, "%s exists: the system has an instance already", path);
		if (!init->root)
			return err_set(err, ERR_DENIED, "only root can make the system's instance; use -C DIR for one of your own");
		return check_file_system("/var/lib", err);
	}
	if (mkdir(dir, 0755) != 0) {
		if (errno != EEXIST)
			return err_system(err, "cannot make the folder %s", dir);
		if (!is_empty_folder(dir))
			return err_set(err, ERR_EXISTS, "%s exists and is not an empty folder", dir);
		if (chmod(dir, 0755) != 0)
			return err_system(err, "cannot use %s", dir);
	}
	if (check_file_system(dir, err) != 0)
		return -1;
	return init->root ? check_way(dir, err) : 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)type;
	if (where->level > 0)
		remove(path);
	return 0;
}

static int build(struct init *init, char *password, struct err *err)
{
	if (init->root && users_make(err) != 0)
		return -1;
	init->instance->separate_users = init->root;
	if (layout_make(init->instance, err) != 0 || make_keys(init, err) != 0 || make_certificate(init, err) != 0 ||
	    write_conf(init, err) != 0 || instance_open(init->instance, init->ctl->dir, err) != 0)
		return -1;
	io_random_hex(password, 16);
	return 0;
}

static int parse_options(struct init *init, int argc, char **argv)
{
	static const struct option options[] = {{"domain", required_argument, NULL, 'd'},
	                                        {"port-offset", required_argument, NULL, 'p'},
	                                        {"bind", required_argument, NULL, 'b'},
	                                        {"host-name", required_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			init->domain = optarg;
		else if (option == 'b')
			init->bind = optarg;
		else if (option == 'h')
			init->host_name = optarg;
		else if (option != 'p')
			return -1;
		else if (!str_to_u64(str_of(optarg), 60000, &init->port_offset)) {
			fprintf(stderr, "postroom: --port-offset must be a number from 0 to 60000\n");
			return -1;
		}
	}
	if (init->domain == NULL)
		fprintf(stderr, "postroom: init needs --domain\n");
	return init->domain != NULL && optind == argc ? 0 : -1;
}

int ctl_init(struct ctl *ctl, int argc, char **argv)
{
	struct init init = {.ctl = ctl, .instance = &ctl->instance, .bind = "", .root = geteuid() == 0};
	char password[17];
	struct err err;
	int status;

	if (parse_options(&init, argc, argv) != 0) {
		fprintf(stderr, "usage: postroom [-C DIR] init --domain NAME [--port-offset N] [--bind ADDRESS[,...]] "
		                "[--host-name NAME]\n");
		return CTL_USAGE;
	}
	umask(022);
	if (check_place(&init, &err) != 0)
		return ctl_refuse_err(&err);
	status = build(&init, password, &err) == 0 ? make_objects(&init, password) : ctl_refuse_err(&err);
	if (status != CTL_DONE) {
		if (init.instance->dir[0] != '\0')
			nftw(init.instance->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		return status;
	}
	printf("The instance is ready to run: postroom%s%s run\n", ctl->dir != NULL ? " -C " : "",
	       ctl->dir != NULL ? ctl->dir : "");
	printf("Administrator: postmaster\nPassword: %s\n", password);
	return CTL_DONE;
}
