/*
 * look: a worker's view of one message. For workers alone: they parse it and run scripts.
 */
#ifndef POSTROOM_FILTERD_LOOK_H
#define POSTROOM_FILTERD_LOOK_H

#include "filterd/filterd.h"

#include "common/mime/edit.h"
#include "common/script/script.h"
#include "common/settings/attributes.h"

struct look {
	struct job *job;
	struct settings *settings;
	struct db objects;
	struct arena arena;
	struct status status; /* for errors of scripts */
	bool is_replaced;     /* source is what the administrator's program made of it */
	struct mime_source source;
	struct mime_part *root;
	/* Who sends: a user who logged in, else the user whose address MAIL FROM has; else nobody. */
	bool logged_in;
	int64_t uid; /* 0: nobody */
	struct str user;
	struct attributes attributes;
};

/* Confine this process; and then: open what it may read, find the sender, parse the message. -1: err. */
int look_confine(struct look *look, struct job *job, struct err *err);
int look_begin(struct look *look, struct job *job, struct err *err);
/* Begin another form of the message. */
int look_edit(struct look *look, struct mime_edit *edit, struct err *err);

/* signature.c: the text for a way, empty where there is none. */
struct signature {
	struct str plain, html;
};
void signature_choose(struct look *look, enum way way, const struct mime_edit *edit, struct signature *signature_out);

/* rewrite.c: addresses and fields of mail that leaves. */
void rewrite_outgoing(struct look *look, struct mime_edit *edit);

/* monitor.c: write copies and say what they are about. */
int monitor_look(struct look *look, struct ipc_message *reply, struct err *err);

#endif
