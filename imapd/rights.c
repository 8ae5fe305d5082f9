#include "imapd/rights.h"

#include "imapd/guest.h"
#include "imapd/imapd.h"

static const char letters_known[] = "lrswipkxtea";

bool rights_parse(struct str letters, unsigned *rights)
{
	for (size_t i = 0; i < letters.len; i++) {
		const char *at = strchr(letters_known, letters.data[i]);

		if (letters.data[i] == 'c')
			*rights |= RIGHT_CREATE | RIGHT_DELETE;
		else if (letters.data[i] == 'd')
			*rights |= RIGHT_EXPUNGE | RIGHT_DELETED;
		else if (letters.data[i] == '\0' || at == NULL)
			return false;
		else
			*rights |= 1U << (at - letters_known);
	}
	return true;
}

const char *rights_text(unsigned rights, bool with_old, char out[RIGHTS_TEXT_MAX])
{
	size_t len = 0;

	for (size_t i = 0; letters_known[i] != '\0'; i++)
		if ((rights & (1U << i)) != 0)
			out[len++] = letters_known[i];
	if (with_old && (rights & (RIGHT_CREATE | RIGHT_DELETE)) != 0)
		out[len++] = 'c';
	if (with_old && (rights & (RIGHT_EXPUNGE | RIGHT_DELETED)) != 0)
		out[len++] = 'd';
	out[len] = '\0';
	return out;
}

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
