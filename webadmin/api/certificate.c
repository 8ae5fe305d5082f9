/* The certificates that clients are shown. Their keys are not here: the connection's other process has them. */
#include "webadmin/api/answer.h"
#include "webadmin/api/special.h"

#include <openssl/x509v3.h>
#include <time.h>

static json_t *text_of(const ASN1_STRING *string)
{
	json_t *text = json_stringn((const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));

	return text != NULL ? text : json_string("?"); /* it is not UTF-8 */
}

static json_t *names_of(const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	json_t *list = json_array();

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (sk_GENERAL_NAME_value(names, i)->type == GEN_DNS)
			json_array_append_new(list, text_of(sk_GENERAL_NAME_value(names, i)->d.dNSName));
	GENERAL_NAMES_free(names);
	return list;
}

static json_t *line_of(const X509_NAME *name)
{
	BIO *out = BIO_new(BIO_s_mem());
	json_t *line = NULL;
	char *text = NULL;
	long len;

	if (out != NULL && X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		len = BIO_get_mem_data(out, &text);
		line = json_stringn(text, (size_t)len);
	}
	BIO_free(out);
	return line != NULL ? line : json_string("?");
}

static json_t *seconds_of(const ASN1_TIME *time)
{
	struct tm tm = {0};

	return json_integer(ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0);
}

void api_run_certificates(struct api_work *work)
{
	const STACK_OF(X509) *certificates = work->web->certificates;
	json_t *items = json_array(), *answer;
	char tag[ANSWER_TAG_SIZE];

	for (int i = 0; i < sk_X509_num(certificates); i++) {
		const X509 *one = sk_X509_value(certificates, i);

		json_array_append_new(
		    items,
		    json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "names", names_of(one), "subject",
		              line_of(X509_get_subject_name(one)), "issuer", line_of(X509_get_issuer_name(one)), "begins",
		              seconds_of(X509_get0_notBefore(one)), "expires", seconds_of(X509_get0_notAfter(one)),
		              "self-signed", X509_NAME_cmp(X509_get_subject_name(one), X509_get_issuer_name(one)) == 0));
	}
	answer = json_pack("{s:o}", "items", items);
	answer_tag(answer, tag);
	answer_reply(work, answer, tag);
}
