#include "signer/signer.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/mailauth/dkim/key_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CACHED_MAX = 1000, /* keys in memory; then all are read again */
	FILES_MAX = 10000, /* names looked at in the folder */
	VALUE_MAX = 4096,  /* octets of a signature's text */
};

/* A key that was read, as long as its file stays what it was. */
struct cached {
	char name[DKIM_KEY_NAME_MAX];
	struct stat status;
	struct dkim_private_key key;
	struct cached *next;
};

struct keys {
	int folder;
	struct cached *list;
	size_t count;
};

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void drop(struct keys *keys, struct cached **link)
{
	struct cached *cached = *link;

	*link = cached->next;
	dkim_private_key_free(&cached->key);
	memory_free(cached);
	keys->count--;
}

/* The key of that name as it was read before; one whose file is another now is dropped. */
static const struct dkim_private_key *find_cached(struct keys *keys, const char *name, const struct stat *status)
{
	for (struct cached **link = &keys->list; *link != NULL; link = &(*link)->next) {
		if (strcmp((*link)->name, name) != 0)
			continue;
		if (is_same_file(&(*link)->status, status))
			return &(*link)->key;
		drop(keys, link);
		return NULL;
	}
	return NULL;
}

static const struct dkim_private_key *remember(struct keys *keys, const char *name, const struct stat *status,
                                               struct dkim_private_key key)
{
	struct cached *cached = memory_get(sizeof *cached);

	while (keys->count >= CACHED_MAX)
		drop(keys, &keys->list);
	str_copy(str_of(name), cached->name, sizeof cached->name);
	cached->status = *status;
	cached->key = key;
	cached->next = keys->list;
	keys->list = cached;
	keys->count++;
	return &cached->key;
}

/* The key in the file of that name; NULL: it cannot be used, and the log says why. One that is missing is none. */
static const struct dkim_private_key *find_key(struct keys *keys, const char *name)
{
	int fd = openat(keys->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const struct dkim_private_key *found = NULL;
	struct dkim_private_key key;
	struct stat status;
	struct err err;

	if (fd < 0) {
		if (errno != ENOENT)
			log_error("%s cannot be opened, so it signs nothing: %s", name, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &status) == 0)
		found = find_cached(keys, name, &status);
	if (found == NULL && dkim_key_file_read(fd, &key, &err) == 0)
		found = remember(keys, name, &status, key);
	else if (found == NULL)
		log_error("%s signs nothing: %s", name, err.text);
	close(fd);
	return found;
}

static void add_key(struct keys *keys, struct str domain, struct str selector, struct ipc_message *reply)
{
	const struct dkim_private_key *key;
	char name[DKIM_KEY_NAME_MAX], text[DKIM_SELECTOR_MAX + 16];
	struct err err;

	if (dkim_key_file_name(domain, selector, name, &err) != 0)
		return;
	key = find_key(keys, name);
	if (key == NULL)
		return;
	str_copy(selector, text, sizeof text);
	ipc_add_text(reply, key->type == DKIM_RSA ? "rsa" : "ed25519", text);
}

/* All keys of the domain, in no order. */
static void add_all(struct keys *keys, struct str domain, struct ipc_message *reply)
{
	int fd = openat(keys->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (names == NULL) {
		log_error("the folder of the keys cannot be read: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < FILES_MAX && (entry = readdir(names)) != NULL; i++) {
		struct str owner, selector;

		if (dkim_key_file_parse(str_of(entry->d_name), &owner, &selector) && str_equal(owner, domain))
			add_key(keys, domain, selector, reply);
	}
	closedir(names);
}

/* "keys": which keys has this domain, of these selectors or of any? */
static void answer_keys(struct keys *keys, const struct ipc_message *request, struct ipc_message *reply)
{
	struct str domain = ipc_get(request, "domain"), key, value;
	bool named = false;

	for (size_t position = 0; ipc_next(request, &position, &key, &value);) {
		if (!str_equal(key, STR("selector")))
			continue;
		named = true;
		add_key(keys, domain, value, reply);
	}
	if (!named)
		add_all(keys, domain, reply);
}

/* "sign": the value of b= for a hash. */
static int answer_sign(struct keys *keys, const struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	struct str hash = ipc_get(request, "hash");
	const struct dkim_private_key *key;
	char name[DKIM_KEY_NAME_MAX];
	struct buf text;
	int result;

	if (hash.len != DKIM_HASH_SIZE)
		return err_set(err, ERR_PROTOCOL, "what is to be signed is no hash");
	if (dkim_key_file_name(ipc_get(request, "domain"), ipc_get(request, "selector"), name, err) != 0)
		return -1;
	key = find_key(keys, name);
	if (key == NULL)
		return err_set(err, ERR_NOT_FOUND, "%s has gone", name);
	buf_init(&text, VALUE_MAX);
	result = dkim_sign_hash(key, (const unsigned char *)hash.data, &text, err);
	if (result == 0)
		ipc_add(reply, "value", buf_str(&text));
	buf_free(&text);
	return result;
}

void keys_serve(int fd, int folder)
{
	struct keys keys = {.folder = folder};
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	while (ipc_receive(fd, &request, &sequence, -1, &err) > 0) {
		int result = 0;

		ipc_reply_ok(&reply);
		if (ipc_is(&request, "keys"))
			answer_keys(&keys, &request, &reply);
		else if (ipc_is(&request, "sign"))
			result = answer_sign(&keys, &request, &reply, &err);
		else
			result = err_set(&err, ERR_PROTOCOL, "the keeper of the keys knows no such request");
		if (result != 0)
			ipc_reply_error(&reply, &err);
		if (ipc_send(fd, &reply, sequence, &err) != 0)
			break;
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	while (keys.list != NULL)
		drop(&keys, &keys.list);
}
