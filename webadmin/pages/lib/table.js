// A table of any number of rows, of which those in sight exist: sort by a click on a column's head, filter below it, select
// with keyboard and mouse as lists everywhere do, edit a cell in place, move rows by drag or Alt and arrow keys.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { t, tn } from "./i18n.js";
import { Icon } from "./icons.js";
import { plainValue, useLocalRows } from "./source.js";
import { errorText } from "./ui.js";

const spare = 10;

function Editor({ column, row, done }) {
	const ref = useRef();
	const [value, setValue] = useState(plainValue(column, row) ?? "");
	useEffect(() => ref.current.focus(), []);
	const keys = (event) => {
		event.stopPropagation();
		if (event.key === "Enter")
			done(value);
		else if (event.key === "Escape")
			done(undefined);
	};
	return html`<input ref=${ref} class="input" aria-label=${column.title} value=${value} onKeyDown=${keys}
		onInput=${(e) => setValue(e.target.value)} onBlur=${() => done(value)} />`;
}

function Filter({ column, value, onChange }) {
	const label = t("table.filter", { column: column.title });
	const changed = (event) => onChange(event.target.value);
	return html`<div class="table-filter">${column.choices
		? html`<select class="input" aria-label=${label} value=${value} onChange=${changed}><option value=""></option>
			${column.choices.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}</select>`
		: html`<input class="input" type="search" value=${value} aria-label=${label} onInput=${changed}
			placeholder=${column.number ? ">0, 5..7" : ""} />`}</div>`;
}

function Head({ columns, sort, setSort, filters, setFilter, withFilters, all, some, selectAll }) {
	const next = (key) => (sort?.key !== key ? { key } : sort.down ? null : { key, down: true });
	const mark = useRef();
	useLayoutEffect(() => {
		if (mark.current)
			mark.current.indeterminate = some && !all;
	});
	const name = (column) => `cell ${column.number ? "number" : ""}`;
	return html`<div role="rowgroup">
		<div class="table-head" role="row">
			${selectAll && html`<div class="cell" role="columnheader"><input type="checkbox" ref=${mark} checked=${all}
				aria-label=${t("table.all")} onChange=${(e) => selectAll(e.target.checked)} /></div>`}
			${columns.map((column) => html`<div class=${name(column)} role="columnheader" key=${column.key}
					aria-sort=${sort?.key === column.key ? (sort.down ? "descending" : "ascending") : "none"}>
				${column.unsorted ? column.title : html`<button type="button" onClick=${() => setSort(next(column.key))}>
					${column.title}${sort?.key === column.key && html`<${Icon} name=${sort.down ? "down" : "up"} />`}</button>`}
				${withFilters && !column.unsorted && html`<${Filter} column=${column} value=${filters[column.key] || ""}
					onChange=${(value) => setFilter(column.key, value)} />`}
			</div>`)}
		</div>
	</div>`;
}

function Row({ row, index, id, columns, selected, current, table, editing, style }) {
	const classes = `table-row ${table.drop === index ? "drop-before" : ""}`;
	return html`<div role="row" class=${classes} style=${style} aria-selected=${table.select ? selected : undefined}
			aria-rowindex=${index + 2} tabindex=${current ? 0 : -1} data-index=${index} draggable=${Boolean(table.onMove)}
			onClick=${(e) => table.click(e, index)} onDblClick=${() => table.onOpen?.(row)}
			onDragStart=${(e) => table.dragStart(e, index)} onDragOver=${(e) => table.dragOver(e, index)}
			onDrop=${(e) => table.dropped(e, index)} onDragEnd=${table.dragEnd}>
		${table.select && html`<div class="cell" role="gridcell"><input type="checkbox" tabindex="-1" checked=${selected}
			aria-label=${t("table.select", { name: id })} onClick=${(e) => table.check(e, index)} /></div>`}
		${columns.map((column) => html`<div role="gridcell" key=${column.key} title=${column.text?.(row)}
				class="cell ${column.number ? "number" : ""} ${column.edit ? "editable" : ""}"
				onDblClick=${column.edit && ((e) => { e.stopPropagation(); table.edit(index, column.key); })}>
			${editing === column.key ? html`<${Editor} column=${column} row=${row} done=${(value) => table.edited(row, column, value)} />`
				: column.show ? column.show(row) : column.text ? column.text(row) : plainValue(column, row)}
		</div>`)}
	</div>`;
}

// Which rows are in sight; the rows' height is the style's.
function useWindow(ref, count) {
	const [sight, setSight] = useState({ from: 0, to: 40, height: 40 });
	useLayoutEffect(() => {
		const box = ref.current;
		const look = () => {
			const height = parseFloat(getComputedStyle(box).getPropertyValue("--row"))
				* parseFloat(getComputedStyle(document.documentElement).fontSize);
			const from = Math.max(0, Math.floor(box.scrollTop / height) - spare);
			const to = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight) / height) + spare);
			setSight((old) => (old.from === from && old.to === to && old.height === height ? old : { from, to, height }));
		};
		look();
		box.addEventListener("scroll", look, { passive: true });
		const size = new ResizeObserver(look);
		size.observe(box);
		return () => {
			box.removeEventListener("scroll", look);
			size.disconnect();
		};
	}, [count]);
	return sight;
}

/**
 * rows      objects; or source (lib/source.js) where the server sorts and filters. identify(row): what makes one itself
 * columns   [{key, title, width (CSS), number, value(row), text(row), show(row), edit, unsorted, choices ([value, text])}]
 * selected  Set of identities with onSelect(Set), or nothing where rows are not selected
 * onOpen    double click or Enter; onEdit(row, key, value): a cell was edited (F2 or double click), may be async
 * onMove    (from, to): a row was moved; only where the table is neither sorted nor filtered
 * onDelete  the Delete key; filters: show fields to filter by below the head
 */
export function Table(props) {
	return props.source ? html`<${Rows} ...${props} />` : html`<${LocalTable} ...${props} />`;
}

function LocalTable(props) {
	const source = useLocalRows(props.rows, props.columns, props.firstSort);
	return html`<${Rows} ...${props} source=${source} />`;
}

function Rows({ source, columns, identify = (row) => row.id, label, selected, onSelect, onOpen, onEdit, onMove, onDelete,
	filters: withFilters, empty }) {
	const box = useRef();
	const { rows: shown, total, sort, filters } = source;
	const [current, setCurrent] = useState(0);
	const [editing, setEditing] = useState(null);
	const [drop, setDrop] = useState(null);
	const anchor = useRef(0);
	const dragged = useRef(null);
	const sight = useWindow(box, total);
	useEffect(() => source.need(sight.from, sight.to), [sight.from, sight.to]);
	const movable = onMove && !sort && !Object.values(filters).some(Boolean);
	const at = Math.min(current, Math.max(0, total - 1));

	const choose = (from, to, keep) => {
		const next = new Set(keep ? selected : []);
		for (let i = Math.min(from, to); i <= Math.max(from, to) && i < total; i++) {
			if (shown[i])
				next.add(identify(shown[i]));
		}
		onSelect(next);
	};
	const chooseAll = async (yes) => {
		const all = !yes ? [] : source.all ? await source.all() : shown;
		onSelect(new Set(all.map(identify)));
	};
	const toggle = (index) => {
		const next = new Set(selected);
		const id = identify(shown[index]);
		if (!next.delete(id))
			next.add(id);
		anchor.current = index;
		onSelect(next);
	};
	const focusRow = (index) => {
		const to = Math.max(0, Math.min(total - 1, index));
		setCurrent(to);
		const top = to * sight.height;
		const view = box.current;
		const head = view.querySelector(".table-head").offsetHeight;
		if (top < view.scrollTop)
			view.scrollTop = top;
		else if (top + sight.height > view.scrollTop + view.clientHeight - head)
			view.scrollTop = top + sight.height - view.clientHeight + head;
		requestAnimationFrame(() => view.querySelector(`[data-index="${to}"]`)?.focus());
		return to;
	};
	const table = {
		select: Boolean(selected),
		drop,
		onOpen,
		onMove: movable,
		click: (event, index) => {
			setCurrent(index);
			if (!selected || event.target.closest("a, button, input"))
				return;
			if (event.shiftKey)
				choose(anchor.current, index, event.ctrlKey);
			else if (event.ctrlKey || event.metaKey)
				toggle(index);
			else {
				anchor.current = index;
				choose(index, index);
			}
		},
		check: (event, index) => (event.shiftKey ? choose(anchor.current, index, true) : toggle(index)),
		edit: (index, key) => onEdit && setEditing({ index, key }),
		edited: async (row, column, value) => {
			const index = editing?.index;
			setEditing(null);
			if (value !== undefined && String(value) !== String(plainValue(column, row) ?? ""))
				await onEdit(row, column.key, value);
			focusRow(index ?? at);
		},
		dragStart: (event, index) => {
			dragged.current = index;
			event.dataTransfer.effectAllowed = "move";
		},
		dragOver: (event, index) => {
			if (dragged.current === null)
				return;
			event.preventDefault();
			setDrop(index);
		},
		dropped: (event, index) => {
			event.preventDefault();
			const from = dragged.current;
			dragged.current = null;
			setDrop(null);
			if (from !== null && from !== index)
				onMove(from, from < index ? index - 1 : index);
		},
		dragEnd: () => {
			dragged.current = null;
			setDrop(null);
		},
	};
	const keys = (event) => {
		if (event.target.matches("input, button, a") || !total)
			return;
		const page = Math.max(1, Math.floor(box.current.clientHeight / sight.height) - 2);
		const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0,
			End: total - 1 }[event.key];
		const key = event.key;
		if (to !== undefined && event.altKey && movable) {
			const target = Math.max(0, Math.min(total - 1, to));
			if (target !== at)
				onMove(at, target);
			focusRow(target);
		} else if (to !== undefined) {
			const reached = focusRow(to);
			if (selected && event.shiftKey)
				choose(anchor.current, reached);
			else
				anchor.current = reached;
		} else if (key === " " && selected)
			toggle(at);
		else if (key === "Enter" && onOpen)
			onOpen(shown[at]);
		else if (key === "F2" && onEdit)
			setEditing({ index: at, key: columns.find((column) => column.edit)?.key });
		else if (key === "Delete" && onDelete)
			onDelete();
		else if (key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey) && selected)
			chooseAll(true);
		else
			return;
		event.preventDefault();
	};
	const widths = [...(selected ? ["2.75rem"] : []), ...columns.map((column) => column.width || "minmax(8rem, 1fr)")];
	const chosen = selected?.size || 0;
	const setFilter = (key, value) => source.arrange(sort, { ...filters, [key]: value });
	return html`<div class="table" ref=${box} style=${{ "--columns": widths.join(" "), "--least": `${columns.length * 7}rem` }}
			role="grid" aria-busy=${Boolean(source.loading)} aria-label=${label} aria-rowcount=${total + 1} aria-multiselectable=${Boolean(selected)} onKeyDown=${keys}>
		<${Head} columns=${columns} sort=${sort} setSort=${(order) => source.arrange(order, filters)} filters=${filters}
			withFilters=${withFilters} setFilter=${setFilter} some=${chosen > 0} all=${chosen > 0 && chosen >= total}
			selectAll=${selected && chooseAll} />
		<div class="table-space" role="rowgroup" style=${{ height: `${total * sight.height}px` }}>
			${Array.from({ length: Math.max(0, Math.min(sight.to, total) - sight.from) }, (_, i) => {
				const index = sight.from + i;
				const row = shown[index];
				return row && html`<${Row} key=${identify(row)} row=${row} id=${identify(row)} index=${index} columns=${columns} table=${table}
					selected=${selected?.has(identify(row))} current=${index === at}
					editing=${editing?.index === index ? editing.key : null} style=${{ top: `${index * sight.height}px` }} />`;
			})}
		</div>
		${!total && !source.loading && !source.error && html`<div class="empty">
			${Object.values(filters).some(Boolean) ? t("table.nothing") : empty || t("table.empty")}</div>`}
		${source.error && html`<div class="empty wrong" role="alert">${errorText(source.error)}</div>`}
	</div>
	<div class="table-foot"><span>${tn("table.rows", total)}</span>${chosen > 0 && html`<span>${tn("table.selected", chosen)}</span>`}</div>`;
}
