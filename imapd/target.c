#include "imapd/target.h"

#include "imapd/guest.h"
#include "imapd/shared.h"

static int find_here(struct session *session, struct str name, struct target *target)
{
	if (session_find_with_rights(session, name, "i", &target->folder, &target->rights) == 0)
		return 0;
	/* RFC 9051 6.3.12, 6.4.7: it could be made; a guest is not told where he may not look */
	if (str_equal(session->code, STR("NONEXISTENT")) && session->guest == NULL)
		imap_no(session, "TRYCREATE", "There is no such folder");
	return -1;
}

int target_find(struct session *session, struct str name, struct target *target)
{
	*target = (struct target){.place = TARGET_HERE, .name = name};
	if (session->guest != NULL && !guest_is_here(session->guest, name))
		target->place = TARGET_GUEST;
	else if (session->guest == NULL && shared_is_name(name))
		target->place = TARGET_SHARED;
	switch (target->place) {
	case TARGET_SHARED:
		return shared_find_target(session, name);
	case TARGET_GUEST: /* found when the messages are there */
		return 0;
	default:
		return find_here(session, name, target);
	}
}

static int store_here(struct session *session, const struct target *target, struct upload *upload,
                      struct stored *stored)
{
	struct store_append *appends = arena_get(&session->arena, upload->count * sizeof *appends);
	struct store_source *sources = arena_get(&session->arena, upload->count * sizeof *sources);
	unsigned closed = rights_closed_flags(target->rights);
	struct err err;

	for (size_t i = 0; i < upload->count; i++) {
		const struct upload_message *message = &upload->messages[i];

		sources[i] = (struct store_source){.fd = upload->fd, .prefix = buf_str(&message->small), .id = STR("")};
		if (message->in_file) {
			sources[i].offset = message->offset;
			sources[i].size = message->size;
			sources[i].prefix = STR("");
		}
		appends[i] =
		    (struct store_append){.mailbox = session->mailbox,
		                          .folder = target->folder.id,
		                          .source = &sources[i],
		                          .internal_date = message->internal_date,
		                          .flags = message->flags & ~closed,
		                          .keywords = (target->rights & RIGHT_WRITE) != 0 ? message->keywords : STR("")};
	}
	if (store_append_together(appends, upload->count, IMAP_WAIT_MS, &err) != 0) {
		imap_no_store(session, &err);
		return -1;
	}
	stored->uidvalidity = target->folder.uidvalidity;
	stored->uids = arena_get(&session->arena, upload->count * sizeof *stored->uids + 1);
	for (size_t i = 0; i < upload->count; i++) {
		stored->uids[i] = appends[i].uid;
		if (session->view != NULL && session->view->folder == target->folder.id)
			view_note_own(session->view, appends[i].uid);
	}
	session_ring(session);
	return 0;
}

int target_store(struct session *session, const struct target *target, struct upload *upload, struct stored *stored)
{
	switch (target->place) {
	case TARGET_SHARED:
		return shared_store(session, target->name, upload, stored);
	case TARGET_GUEST:
		return guest_store(session, upload, stored);
	default:
		return store_here(session, target, upload, stored);
	}
}

const char *target_append_code(struct session *session, const struct stored *stored, size_t count)
{
	struct sequence_builder uids;
	struct str code;

	sequence_builder_init(&uids);
	for (size_t i = 0; i < count; i++)
		sequence_builder_add(&uids, stored->uids[i]);
	code =
	    arena_printf(&session->arena, "APPENDUID %u %.*s", stored->uidvalidity, STR_ARG(sequence_builder_text(&uids)));
	sequence_builder_free(&uids);
	return code.data;
}
