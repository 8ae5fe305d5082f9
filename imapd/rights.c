#include "imapd/rights.h"

#include "imapd/guest.h"
#include "imapd/imapd.h"

unsigned rights_closed_flags(unsigned rights)
{
	unsigned closed = 0;

	if ((rights & RIGHT_SEEN) == 0)
		closed |= STORE_SEEN;
	if ((rights & RIGHT_DELETED) == 0)
		closed |= STORE_DELETED;
	if ((rights & RIGHT_WRITE) == 0)
		closed |= STORE_ANSWERED | STORE_FLAGGED | STORE_DRAFT;
	return closed;
}

struct looking {
	const struct guest *guest; /* NULL: the owner */
	unsigned given, taken;
};

static bool is_meant(const struct guest *guest, struct str identifier)
{
	struct str number = identifier, kind = str_cut(&number, ' ');
	uint64_t id;

	if (guest == NULL)
		return str_equal(identifier, STR("owner"));
	if (str_equal(identifier, STR("anyone")))
		return true;
	if (!str_to_u64(number, INT64_MAX, &id))
		return false;
	if (str_equal(kind, STR("user")))
		return (int64_t)id == guest->uid;
	for (size_t i = 0; str_equal(kind, STR("group")) && i < guest->group_count; i++)
		if ((int64_t)id == guest->groups[i])
			return true;
	return false;
}

static bool look(struct str identifier, struct str letters, void *context)
{
	struct looking *looking = context;
	bool taken = str_starts(identifier, STR("-"));
	unsigned rights = 0;

	if (is_meant(looking->guest, str_skip(identifier, taken)) && rights_parse(letters, &rights)) {
		if (looking->guest == NULL)
			looking->given = rights; /* in place of all */
		else if (taken)
			looking->taken |= rights;
		else
			looking->given |= rights;
	}
	return true;
}

int rights_find(struct session *session, int64_t folder, unsigned *rights_out, struct err *err)
{
	struct looking looking = {.guest = session->guest};

	looking.given = session->guest == NULL ? RIGHTS_ALL : 0;
	if (mailbox_acl_each(session->mailbox, folder, look, &looking, err) != 0)
		return -1;
	*rights_out = looking.given & ~looking.taken;
	return 0;
}
