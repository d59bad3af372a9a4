/** A side panel: part of the page where there is room for it, and a sheet that slides over it where there is not. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./icon.js";

export interface DrawerProps {
  label: string;
  side: "left" | "right";
  /** Whether it slides over the page now, or is part of it. */
  isSheet: boolean;
  isOpen: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** Whether the browser's history is at the entry of a sheet. @param label undefined for any */
export function isSheetEntry(label?: string): boolean {
  const { sheet } = (history.state ?? {}) as { readonly sheet?: string };
  return sheet !== undefined && (label === undefined || sheet === label);
}

export function Drawer({ label, side, isSheet, isOpen, onClose, children }: DrawerProps) {
  const panel = useRef<HTMLElement>(null);
  const isShown = isSheet && isOpen;
  // Before the rest of the page becomes inert, and what opened the panel loses the focus.
  useLayoutEffect(() => {
    if (!isShown) return;
    const opener = document.activeElement;
    panel.current?.querySelector<HTMLElement>(".drawer-close")?.focus();
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key === "Escape") onClose();
    };
    // On phones, Back closes what lies over the page.
    history.pushState({ sheet: label }, "");
    const closeOnBack = () => {
      if (!isSheetEntry(label)) onClose();
    };
    addEventListener("keydown", closeOnEscape);
    addEventListener("popstate", closeOnBack);
    return () => {
      removeEventListener("keydown", closeOnEscape);
      removeEventListener("popstate", closeOnBack);
      if (isSheetEntry(label)) history.back();
      // Back to what opened it, unless the person has gone on to something else.
      const { activeElement } = document;
      const isUnmoved = activeElement === document.body || panel.current?.contains(activeElement);
      if (opener instanceof HTMLElement && isUnmoved) opener.focus();
    };
  }, [isShown]);
  const classes = ["drawer", side, isSheet ? "sheet" : "", isShown ? "open" : ""];
  return (
    <>
      {isShown && (
        <button type="button" class="scrim" tabIndex={-1} aria-label={`Close ${label}`} onClick={onClose} />
      )}
      <aside ref={panel} class={classes.join(" ")} aria-label={label} inert={isSheet && !isOpen}>
        {isSheet && (
          <button
            type="button"
            class="icon-button drawer-close"
            aria-label={`Close ${label}`}
            onClick={onClose}
          >
            <Icon name="close" />
          </button>
        )}
        {children}
      </aside>
    </>
  );
}
