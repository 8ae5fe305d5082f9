#include "collector/outbox.h"

#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int outbox_begin(struct collectord *collectord, struct err *err)
{
	/* whoever releases does so before the next transaction begins, or that fails */
	return outbox_release(collectord, err) == 0 ? db_exec(&collectord->db, "DELETE FROM outbox", err) : -1;
}

int outbox_add(struct collectord *collectord, struct str id, struct err *err)
{
	if (!spool_id_is_valid(id))
		return err_set(err, ERR_SYNTAX, "what is to be let go has no id");
	return db_query_run(&collectord->db, err, "INSERT INTO outbox VALUES(?)", "t", id);
}

int outbox_release(struct collectord *collectord, struct err *err)
{
	struct db_statement query;
	bool any = false;
	int row;

	if (db_query(&collectord->db, &query, err, "SELECT id FROM outbox", "") != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		any = true;
		if (spool_release(&collectord->drop, db_text(&query, 0), err) != 0) {
			row = -1;
			break;
		}
	}
	db_finalize(&query);
	if (row != 0)
		return -1;
	return any ? spool_sync_released(&collectord->drop, err) : 0;
}

static bool is_committed(struct collectord *collectord, const char *name)
{
	return db_query_number(&collectord->db, NULL, NULL, "SELECT 1 FROM outbox WHERE id = ?", "t", str_of(name)) != 0;
}

void outbox_sweep(struct collectord *collectord)
{
	int fd = openat(collectord->drop.tmp_folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

	if (names == NULL) {
		log_error("cannot read the drop: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(names)) != NULL;)
		if (entry->d_name[0] != '.' && !is_committed(collectord, entry->d_name))
			unlinkat(collectord->drop.tmp_folder, entry->d_name, 0);
	closedir(names);
}
