#include "common/net/tls.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	LOOK_EVERY_MS = 1000, /* how often refresh really looks */
	NAMES_MAX = 1000,     /* certificates for further names */
	FILE_MAX_LEN = 1024 * 1024,
};

/* The state of one file: it changed when any of these did. */
struct stamp {
	struct timespec modified;
	ino_t inode;
	off_t size;
};

/* One certificate with its key. */
struct tls_name {
	char name[256];   /* "" for the folder's own pair */
	SSL_CTX *context; /* NULL: broken from the start */
	struct stamp certificate, key;
	bool seen; /* in the current look at the folder */
	struct tls_name *next;
};

static SSL_CTX *choose_by_name(const struct tls_server *server, const char *name)
{
	const struct tls_name *entry = server->names;

	for (; entry != NULL; entry = entry->next)
		if (entry->name[0] != '\0' && entry->context != NULL && str_equal_nocase(str_of(entry->name), str_of(name)))
			return entry->context;
	return NULL;
}

/* RFC 6066 section 3: a name that we do not know gets the default certificate, as mail servers always did. */
static int on_server_name(SSL *ssl, int *alert, void *context)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *chosen = name != NULL ? choose_by_name(context, name) : NULL;

	(void)alert;
	if (chosen != NULL)
		SSL_set_SSL_CTX(ssl, chosen);
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (context == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	return context;
}

/* Why OpenSSL did not take the pair, in words for people where we find them. Expired ones are taken, so never the
 * reason. */
static int explain(const char *certificate, const char *key, struct err *err)
{
	unsigned long code = ERR_peek_error();
	struct buf chain_pem, key_pem;
	struct err reason;
	int result;

	buf_init(&chain_pem, FILE_MAX_LEN);
	buf_init(&key_pem, FILE_MAX_LEN);
	result = io_read_file(certificate, &chain_pem, &reason);
	if (result == 0)
		result = io_read_file(key, &key_pem, &reason);
	if (result == 0) {
		result = tls_check_pair(buf_str(&chain_pem), buf_str(&key_pem), &reason);
		err_set(err, ERR_SYNTAX, "%s: %s", certificate, result != 0 ? reason.text : ERR_reason_error_string(code));
	} else {
		err_set(err, ERR_SYNTAX, "%s", reason.text);
	}
	if (key_pem.data != NULL)
		memory_wipe(key_pem.data, key_pem.capacity);
	buf_free(&key_pem);
	buf_free(&chain_pem);
	ERR_clear_error();
	return -1;
}

/* OpenSSL would ask on the terminal for the password of an encrypted key. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return 0;
}

static int apply_policy(SSL_CTX *context, const struct tls_policy *policy, struct err *err)
{
	const char *ciphers = policy->ciphers != NULL ? policy->ciphers : "";
	const char *suites = policy->suites != NULL ? policy->suites : "";

	if (policy->only_tls13)
		SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	if (ciphers[0] != '\0' && SSL_CTX_set_cipher_list(context, ciphers) != 1) {
		ERR_clear_error();
		return err_set(err, ERR_SYNTAX, "OpenSSL knows no cipher of \"%.200s\"", ciphers);
	}
	if (suites[0] != '\0' && SSL_CTX_set_ciphersuites(context, suites) != 1) {
		ERR_clear_error();
		return err_set(err, ERR_SYNTAX, "OpenSSL does not know all cipher suites of \"%.200s\"", suites);
	}
	return 0;
}

int tls_check_policy(const struct tls_policy *policy, struct err *err)
{
	SSL_CTX *context = new_context(TLS_server_method());
	int result;

	if (context == NULL)
		return err_set(err, ERR_SYSTEM, "cannot prepare TLS: %s", ERR_reason_error_string(ERR_peek_error()));
	result = apply_policy(context, policy, err);
	SSL_CTX_free(context);
	return result;
}

/* Sessions are resumed by tickets: their key is made with the context, so every process forked from here knows it. */
static SSL_CTX *server_context(struct tls_server *server, const char *certificate, const char *key, struct err *err)
{
	static const unsigned char session_id[] = "postroom";
	struct err reason;
	SSL_CTX *context;

	ERR_clear_error();
	context = new_context(TLS_server_method());
	if (context != NULL)
		SSL_CTX_set_default_passwd_cb(context, no_password);
	if (context == NULL || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
		explain(certificate, key, err);
		SSL_CTX_free(context);
		return NULL;
	}
	if (apply_policy(context, &server->policy, &reason) != 0)
		log_error("%s", reason.text);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(context, session_id, sizeof session_id - 1);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(context, server);
	tls_warm_up(context);
	return context;
}

static struct stamp stamp_of(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return (struct stamp){0};
	return (struct stamp){.modified = status.st_mtim, .inode = status.st_ino, .size = status.st_size};
}

static bool same_stamp(struct stamp a, struct stamp b)
{
	return a.modified.tv_sec == b.modified.tv_sec && a.modified.tv_nsec == b.modified.tv_nsec && a.inode == b.inode &&
	       a.size == b.size;
}

static struct tls_name *find_or_add(struct tls_server *server, const char *name)
{
	struct tls_name **at = &server->names;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at == NULL) {
		*at = memory_get(sizeof **at);
		str_copy(str_of(name), (*at)->name, sizeof(*at)->name);
	}
	return *at;
}

/* Load one pair where it changed since the last look. -1: it is broken; the old one stays. */
static int look_at(struct tls_server *server, const char *name, struct err *err)
{
	char certificate[600], key[600];
	const char *slash = name[0] != '\0' ? "/" : "";
	struct stamp of_certificate, of_key, missing = {0};
	struct tls_name *entry;
	SSL_CTX *context;

	snprintf(certificate, sizeof certificate, "%s%s%s/cert.pem", server->folder, slash, name);
	snprintf(key, sizeof key, "%s%s%s/key.pem", server->folder, slash, name);
	of_certificate = stamp_of(certificate);
	of_key = stamp_of(key);
	if (same_stamp(of_certificate, missing) && same_stamp(of_key, missing) &&
	    (name[0] != '\0' || server->names == NULL))
		return 0;
	entry = find_or_add(server, name);
	entry->seen = true;
	if (same_stamp(of_certificate, entry->certificate) && same_stamp(of_key, entry->key))
		return 0;
	entry->certificate = of_certificate;
	entry->key = of_key;
	context = server_context(server, certificate, key, err);
	if (context == NULL)
		return -1;
	if (entry->context != NULL)
		log_info("%s was loaded again", certificate);
	SSL_CTX_free(entry->context);
	entry->context = context;
	return 0;
}

/* Names whose folder is gone are forgotten; the folder's own pair is not. */
static void forget_unseen(struct tls_server *server)
{
	struct tls_name **at = &server->names;

	while (*at != NULL) {
		struct tls_name *entry = *at;

		if (entry->seen || entry->name[0] == '\0') {
			entry->seen = false;
			at = &entry->next;
		} else {
			*at = entry->next;
			SSL_CTX_free(entry->context);
			memory_free(entry);
		}
	}
}

static void look_at_names(struct tls_server *server)
{
	DIR *folder = opendir(server->folder);
	const struct dirent *file;
	struct err err;

	for (int count = 0; folder != NULL && count < NAMES_MAX && (file = readdir(folder)) != NULL;) {
		if (file->d_name[0] == '.' || file->d_type == DT_REG)
			continue;
		count++;
		if (look_at(server, file->d_name, &err) != 0)
			log_warning("%s; the certificate before it, if any, stays in use", err.text);
	}
	if (folder != NULL)
		closedir(folder);
}

static void choose_default(struct tls_server *server)
{
	server->context = NULL;
	for (const struct tls_name *entry = server->names; entry != NULL; entry = entry->next)
		if (entry->context != NULL && (server->context == NULL || entry->name[0] == '\0'))
			server->context = entry->context;
}

static int look(struct tls_server *server, struct err *err)
{
	int result = look_at(server, "", err);

	look_at_names(server);
	forget_unseen(server);
	choose_default(server);
	server->looked_ms = io_now_ms();
	return result;
}

int tls_server_open(struct tls_server *server, const char *folder, struct err *err)
{
	*server = (struct tls_server){0};
	if (!str_copy(str_of(folder), server->folder, sizeof server->folder))
		return err_set(err, ERR_LIMIT, "the path %s is too long", folder);
	if (look(server, err) != 0) {
		tls_server_close(server);
		return -1;
	}
	return 0;
}

void tls_server_refresh(struct tls_server *server)
{
	struct err err;

	if (io_now_ms() - server->looked_ms < LOOK_EVERY_MS)
		return;
	if (look(server, &err) != 0)
		log_warning("%s; the certificate before it stays in use", err.text);
}

static void own_text(const char **own, const char *given)
{
	memory_free((char *)(uintptr_t)*own);
	*own = memory_text(str_of(given));
}

static bool same_text(const char *own, const char *given)
{
	return strcmp(own != NULL ? own : "", given) == 0;
}

void tls_server_set_policy(struct tls_server *server, const struct tls_policy *policy)
{
	static const struct stamp never;
	struct tls_policy *own = &server->policy;
	struct err err;

	if (own->only_tls13 == policy->only_tls13 && same_text(own->ciphers, policy->ciphers) &&
	    same_text(own->suites, policy->suites))
		return;
	own->only_tls13 = policy->only_tls13;
	own_text(&own->ciphers, policy->ciphers);
	own_text(&own->suites, policy->suites);
	for (struct tls_name *entry = server->names; entry != NULL; entry = entry->next)
		entry->certificate = never;
	if (look(server, &err) != 0)
		log_warning("%s; the certificate before it stays in use", err.text);
}

STACK_OF(X509) * tls_server_certificates(const struct tls_server *server)
{
	STACK_OF(X509) *list = server->names != NULL ? sk_X509_new_null() : NULL;

	for (const struct tls_name *entry = server->names; list != NULL && entry != NULL; entry = entry->next) {
		X509 *certificate = entry->context != NULL ? SSL_CTX_get0_certificate(entry->context) : NULL;

		if (certificate != NULL && sk_X509_insert(list, certificate, entry->context == server->context ? 0 : -1) > 0)
			X509_up_ref(certificate);
	}
	return list;
}

void tls_server_close(struct tls_server *server)
{
	memory_free((char *)(uintptr_t)server->policy.ciphers);
	memory_free((char *)(uintptr_t)server->policy.suites);
	server->policy = (struct tls_policy){0};
	while (server->names != NULL) {
		struct tls_name *entry = server->names;

		server->names = entry->next;
		SSL_CTX_free(entry->context);
		memory_free(entry);
	}
	server->context = NULL;
}

SSL_CTX *tls_client_context(struct err *err)
{
	static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
	static SSL_CTX *context;

	if (context != NULL)
		return context;
	context = new_context(TLS_client_method());
	if (context == NULL) {
		err_set(err, ERR_SYSTEM, "cannot prepare TLS: %s", ERR_reason_error_string(ERR_peek_error()));
		return NULL;
	}
	SSL_CTX_dane_enable(context);
	/* The default paths hold a folder in which is looked up at each check: nothing for a sandbox. */
	if (SSL_CTX_set_default_verify_paths(context) != 1 ||
	    (getenv("SSL_CERT_FILE") == NULL && SSL_CTX_load_verify_file(context, bundle) != 1))
		log_warning("the system's CA certificates cannot be read from %s: no server's certificate can be verified",
		            bundle);
	ERR_clear_error();
	return context;
}
