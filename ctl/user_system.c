/* The members of a group of the system, as the name service tells them, become users. */
#include "ctl/user_table.h"

#include "common/base/csv.h"

#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ctl_command usage = {"user import-system", USER_SYSTEM_ARGUMENTS, NULL, NULL, false};

enum {
	UID_FIRST = 1000, /* of people, where /etc/login.defs says nothing else */
	UID_NOBODY = 65534
};

/* UID_MIN of /etc/login.defs. */
static uid_t first_uid(void)
{
	FILE *file = fopen("/etc/login.defs", "re");
	unsigned value = UID_FIRST;
	char line[200];

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, "UID_MIN", 7) == 0 && strchr(" \t", line[7]) != NULL)
			value = (unsigned)strtoul(line + 8, NULL, 10);
	if (file != NULL)
		fclose(file);
	return value;
}

static bool is_member(const struct group *group, const struct passwd *account)
{
	if (group == NULL)
		return false;
	for (char *const *member = group->gr_mem; *member != NULL; member++)
		if (strcmp(*member, account->pw_name) == 0)
			return true;
	return account->pw_gid == group->gr_gid;
}

/* What getgrnam gives stays until the next call, and two are needed. */
static bool copy_members(const char *name, struct arena *arena, struct group *group_out)
{
	const struct group *found = getgrnam(name);
	size_t count = 0;

	if (found == NULL)
		return false;
	*group_out = (struct group){.gr_gid = found->gr_gid};
	while (found->gr_mem[count] != NULL)
		count++;
	group_out->gr_mem = arena_get(arena, (count + 1) * sizeof *group_out->gr_mem);
	for (size_t i = 0; i < count; i++)
		group_out->gr_mem[i] = arena_text(arena, str_of(found->gr_mem[i]));
	return true;
}

static void write_account(const struct passwd *account, bool is_administrator, struct buf *out)
{
	struct str rest = str_of(account->pw_gecos != NULL ? account->pw_gecos : "");
	struct str real_name = str_cut(&rest, ',');
	struct buf entry;

	buf_init(&entry, 1000);
	if (real_name.len != 0)
		buf_printf(&entry, "cn: %.*s", STR_ARG(str_sub(real_name, 0, 900)));
	csv_add_field(out, str_of(account->pw_name), true);
	csv_add_field(out, str_sub(real_name, 0, 80), false);
	csv_add_field(out, buf_str(&entry), false);
	csv_add_field(out, is_administrator ? STR("on") : STR(""), false);
	csv_end_row(out);
	buf_free(&entry);
}

static void write_table(const struct group *group, const struct group *administrators, bool system_accounts,
                        struct buf *out)
{
	uid_t first = system_accounts ? 1 : first_uid();
	const struct passwd *account;

	buf_add_str(out, STR("name,comment,directory,administrator\n"));
	setpwent();
	while ((account = getpwent()) != NULL)
		if (is_member(group, account) && account->pw_uid >= first && account->pw_uid != UID_NOBODY)
			write_account(account, is_member(administrators, account), out);
	endpwent();
}

static int send_group(struct ctl *ctl, const char *name, const char *administrators, bool system_accounts,
                      struct ipc_message *request)
{
	struct group group, admins = {0};
	struct arena arena;
	struct buf table;
	int status;

	arena_init(&arena);
	buf_init(&table, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	if (!copy_members(name, &arena, &group)) {
		status = ctl_refuse("this system has no group \"%s\"", name);
	} else if (administrators != NULL && !copy_members(administrators, &arena, &admins)) {
		status = ctl_refuse("this system has no group \"%s\"", administrators);
	} else {
		write_table(&group, administrators != NULL ? &admins : NULL, system_accounts, &table);
		ipc_add(request, "text", buf_str(&table));
		ipc_add_number(request, "random-passwords", 1);
		status = user_table_send(ctl, request);
	}
	buf_free(&table);
	arena_free(&arena);
	return status;
}

int user_table_import_system(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {USER_TABLE_OPTIONS,
	                                        {"admin-group", required_argument, NULL, 'a'},
	                                        {"system-accounts", no_argument, NULL, 'y'},
	                                        {NULL, 0, NULL, 0}};
	bool system_accounts = false, bad = false;
	const char *administrators = NULL;
	struct ipc_message request;
	int option, status;

	ipc_message_init(&request);
	ipc_request(&request, "user-import");
	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'a')
			administrators = optarg;
		else if (option == 'y')
			system_accounts = true;
		else
			bad |= !user_table_option(option, optarg, &request);
	}
	if (bad || argc - optind != 1)
		status = ctl_usage(&usage);
	else
		status = send_group(ctl, argv[optind], administrators, system_accounts, &request);
	ipc_message_free(&request);
	return status;
}
