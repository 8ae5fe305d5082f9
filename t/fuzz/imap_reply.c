/* What IMAP servers say, line by line, as our client takes it apart. */
#include "common/imap/reply.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_from((const char *)data, size);

	while (rest.data != NULL) {
		struct str line = str_cut(&rest, '\n'), words;
		struct imap_reply reply = imap_reply_parse(line);
		struct imap_reply_fetch fetch;
		uint64_t number;
		uint32_t count;
		size_t head;

		if (imap_reply_ends_in_literal(line, &number, &head) && (head > line.len || line.data[line.len - head] != '{'))
			abort();
		imap_reply_code(reply.text, "UIDVALIDITY", &number);
		imap_reply_exists(reply.text, &count);
		if (imap_reply_fetch(reply.text, &fetch) && fetch.quoted.len > reply.text.len)
			abort();
		for (words = reply.text; words.len > 0;) {
			struct str word = str_cut_word(&words);

			imap_reply_offer(word);
			imap_reply_mechanism(word);
		}
	}
	return 0;
}
