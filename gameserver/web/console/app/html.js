// Preact with its hooks and htm, as the console uses them: at most one rendering a frame.
import { Component, createContext, Fragment, h, options, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

// A frame's rendering is not awaited by what people do: a handler would work with what was shown before.
let renderPending = null;
function renderNow() {
  const pass = renderPending;
  renderPending = null;
  pass?.();
}
options.debounceRendering = (pass) => {
  renderPending = pass;
  requestAnimationFrame(renderNow);
};
for (const name of ["keydown", "click", "submit"]) addEventListener(name, renderNow, { capture: true });

export const html = htm.bind(h);
export { Component, createContext, Fragment, h, render };
export { useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";

/** A component that is rendered again only when one of its properties is another. */
export function memo(View) {
  return class extends Component {
    shouldComponentUpdate(next) {
      const names = Object.keys(next);
      return names.length !== Object.keys(this.props).length || names.some((name) => next[name] !== this.props[name]);
    }

    render(properties) {
      return h(View, properties);
    }
  };
}
