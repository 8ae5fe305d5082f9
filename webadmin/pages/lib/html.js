// Preact and htm as one import: elements are written as html`<p>${text}</p>`, components as html`<${Button} ...>..<//>`.
// What is put in by ${} is text, never markup.
import { h, render, Fragment, createContext } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export const html = htm.bind(h);
export { render, Fragment, createContext };
export {
	useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useReducer, useContext, useId,
} from "../vendor/hooks.js";
