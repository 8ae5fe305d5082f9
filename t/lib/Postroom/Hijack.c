/*
 * What Postroom::Hijack puts into another process and lets it run: a list of system calls. It is compiled without a
 * library, and lies wherever there is room, so it refers to nothing outside.
 */
enum kind { NUMBER, POINTER, RESULT }; /* as it is; an offset in the block; what the call so many places away gave */

struct call {
	long number;
	long kinds[6];
	long arguments[6];
	long makes_descriptor;
	long value; /* the result, or the negative errno */
};

long hijack_run(struct call *calls, long count, long close_number, long (*syscall)(long, ...), int *error);

/* Within hijack_run, which so is all there is, and begins where the code does. */
static inline __attribute__((always_inline)) long argument(const struct call *calls, const struct call *call, int index)
{
	long value = call->arguments[index];

	if (call->kinds[index] == POINTER)
		return (long)calls + value;
	return call->kinds[index] == RESULT ? call[value].value : value;
}

long hijack_run(struct call *calls, long count, long close_number, long (*syscall)(long, ...), int *error)
{
	for (struct call *call = calls; call < calls + count; call++) {
		call->value =
		    syscall(call->number, argument(calls, call, 0), argument(calls, call, 1), argument(calls, call, 2),
		            argument(calls, call, 3), argument(calls, call, 4), argument(calls, call, 5));
		if (call->value == -1)
			call->value = -*error;
	}
	for (struct call *call = calls; call < calls + count; call++)
		if (call->makes_descriptor && call->value >= 0)
			syscall(close_number, call->value);
	return 0;
}
