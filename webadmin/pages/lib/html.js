// Preact and htm as one import: elements are written as html`<p>${text}</p>`, components as html`<${Button} ...>..<//>`.
// What is put in by ${} is text, never markup.
import { h, render, Fragment, createContext } from "../vendor/preact.js";
import htm from "../vendor/htm.js";
import { useState } from "../vendor/hooks.js";

export const html = htm.bind(h);
export { render, Fragment, createContext };
export {
	useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useReducer, useContext,
} from "../vendor/hooks.js";

let ids = 0;

/** A name for an element that no other has on this page, in whatever tree: Preact's own is one's of its tree alone. */
export function useId() {
	return useState(() => `id-${++ids}`)[0];
}
