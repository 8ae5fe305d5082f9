// Where a table's rows come from: an array, or the server, which sorts and filters and is asked for the rows in sight.
// Both are {rows (an array, with holes where nothing was loaded), total, sort, filters, arrange(sort, filters),
// need(from, to), reload(), error, loading}.
import { useEffect, useMemo, useRef, useState } from "./html.js";
import { get } from "./api.js";

const chunk = 200;

function compare(a, b) {
	if (typeof a === "number" && typeof b === "number")
		return a - b;
	return String(a ?? "").localeCompare(String(b ?? ""), undefined, { numeric: true, sensitivity: "base" });
}

/** The value by which a column sorts and filters. */
export function plainValue(column, row) {
	return column.value ? column.value(row) : row[column.key];
}

// "5", ">5", "<=5", "5..7" for numbers; else text that the value holds, * standing for anything.
function testOf(column, wanted) {
	const range = /^\s*(<=|>=|<|>|)\s*(\d+)\s*(?:\.\.\s*(\d+))?\s*$/.exec(wanted);
	if (column.number && range) {
		const [, sign, first, last] = range;
		const low = Number(first);
		const tests = { "<": (n) => n < low, ">": (n) => n > low, "<=": (n) => n <= low, ">=": (n) => n >= low };
		const test = last ? (n) => n >= low && n <= Number(last) : tests[sign] || ((n) => n === low);
		return (row) => test(plainValue(column, row));
	}
	const expression = new RegExp(wanted.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*"), "i");
	return (row) => expression.test(String(column.text ? column.text(row) : plainValue(column, row) ?? ""));
}

function arranged(rows, columns, sort, filters) {
	const tests = columns.filter((column) => filters[column.key]).map((column) => testOf(column, filters[column.key]));
	const left = tests.length ? rows.filter((row) => tests.every((test) => test(row))) : rows;
	const column = sort && columns.find((one) => one.key === sort.key);
	if (!column)
		return left;
	return [...left].sort((a, b) => compare(plainValue(column, a), plainValue(column, b)) * (sort.down ? -1 : 1));
}

/** Rows that are here already. */
export function useLocalRows(rows, columns, firstSort = null) {
	const [order, setOrder] = useState({ sort: firstSort, filters: {} });
	const shown = useMemo(() => arranged(rows, columns, order.sort, order.filters), [rows, order, columns.length]);
	return {
		...order, rows: shown, total: shown.length, arrange: (sort, filters) => setOrder({ sort, filters }), need: () => {},
		reload: () => {},
	};
}

function queryOf({ sort, filters }, fixed) {
	const query = { ...fixed };
	if (sort)
		query.sort = (sort.down ? "-" : "") + sort.key;
	for (const [key, value] of Object.entries(filters)) {
		if (value)
			query[`filter[${key}]`] = value;
	}
	return query;
}

/** Rows of a collection of the API; fixed: what is always in the query. */
export function useRemoteRows(path, fixed = {}, firstSort = null) {
	const [order, setOrder] = useState({ sort: firstSort, filters: {} });
	const [state, setState] = useState({ rows: [], total: 0, loading: true });
	const wanted = useRef({ generation: 0, asked: new Set(), from: 0, to: chunk });
	const fixedKey = JSON.stringify(fixed);

	const load = async (generation, offset, keep) => {
		try {
			const reply = await get(path, { ...queryOf(order, fixed), offset, limit: chunk });
			if (generation !== wanted.current.generation)
				return;
			setState((old) => {
				const rows = keep(old.rows).slice();
				reply.items.forEach((row, i) => { rows[offset + i] = row; });
				rows.length = Math.min(rows.length, reply.total);
				return { rows, total: reply.total, error: null, loading: false };
			});
		} catch (error) {
			if (generation === wanted.current.generation)
				setState((old) => ({ ...old, error, loading: false }));
		}
	};
	const need = (from, to) => {
		Object.assign(wanted.current, { from, to });
		for (let at = from - (from % chunk); at < to; at += chunk) {
			if (!wanted.current.asked.has(at)) {
				wanted.current.asked.add(at);
				load(wanted.current.generation, at, (rows) => rows);
			}
		}
	};
	// What is in sight is asked for again, and what was there stays until it comes.
	const reload = () => {
		const now = wanted.current;
		const first = now.from - (now.from % chunk);
		now.generation++;
		now.asked = new Set();
		for (let at = first; at < Math.max(now.to, first + 1); at += chunk) {
			now.asked.add(at);
			load(now.generation, at, at === first ? () => [] : (rows) => rows);
		}
	};
	useEffect(() => {
		const timer = setTimeout(() => {
			Object.assign(wanted.current, { from: 0, to: chunk });
			reload();
		}, order.typed ? 200 : 0);
		return () => clearTimeout(timer);
	}, [path, order, fixedKey]);
	return {
		...state, ...order, need, reload,
		arrange: (sort, filters) => setOrder((old) => ({ sort, filters, typed: filters !== old.filters })),
		all: async (columns) => (await get(path, { ...queryOf(order, fixed), limit: 10000, columns })).items,
	};
}
