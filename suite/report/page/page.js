"use strict";
// The page is whole without this: it only adds the theme switch and filters.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const store = { // a page opened from a file may have none
    get: () => { try { return localStorage.getItem("agentproof-theme"); } catch { return null; } },
    set: (theme) => { try { localStorage.setItem("agentproof-theme", theme); } catch { /* it lasts as long as the page */ } },
  };
  const theme = store.get();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  document.addEventListener("DOMContentLoaded", () => {
    const byId = (id) => document.getElementById(id);
    const form = document.querySelector(".tools");
    const search = byId("q"), area = byId("area"), level = byId("level"), count = byId("count");
    const chips = [...form.querySelectorAll("[data-status]")];
    const parts = [...document.querySelectorAll("[data-part]")].map((part) => ({
      empty: part.querySelector(".nothing"),
      items: [...part.querySelectorAll("[data-level]")].map((element) => ({ element, text: element.textContent.toLowerCase() })),
    }));
    const cases = parts.at(-1);
    const causes = [...document.querySelectorAll(".cause")].map((element) => ({
      element, lead: element.querySelector(":scope > .finding"), others: element.querySelector(":scope > .others"),
      row: document.querySelector(`[data-of="${CSS.escape(element.id)}"]`),
    }));
    const index = document.querySelector(".index");

    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const statuses = new Set(chips.filter((c) => c.getAttribute("aria-pressed") === "true").map((c) => c.dataset.status));
      for (const part of parts) {
        let shown = 0;
        for (const { element, text } of part.items) {
          const data = element.dataset;
          const keep = (statuses.size === 0 || statuses.has(data.status)) && (!area.value || area.value === data.area) &&
            (!level.value || level.value === data.level) && words.every((word) => text.includes(word));
          element.hidden = !keep;
          if (keep) shown++;
        }
        part.empty.hidden = shown > 0 || part.items.length === 0;
        if (part === cases) {
          count.textContent = shown === part.items.length ? `${shown} cases` : `${shown} of ${part.items.length} cases`;
        }
      }
      // A cause goes with its cases, and shows the ones that are asked for.
      for (const { element, lead, others, row } of causes) {
        const shown = [...element.querySelectorAll(".finding")].some((finding) => !finding.hidden);
        element.hidden = !shown;
        if (row) row.hidden = !shown;
        if (others) {
          if (shown && lead.hidden) others.open = true;
          others.hidden = [...others.querySelectorAll(".finding")].every((finding) => finding.hidden);
        }
      }
      if (index) index.hidden = causes.every(({ row }) => !row || row.hidden);
    };
    const reset = () => {
      chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
      search.value = area.value = level.value = "";
      filter();
    };

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => { event.preventDefault(); reset(); });
    [search, area, level].forEach((field) => field.addEventListener("input", filter));
    chips.forEach((chip) => chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      filter();
    }));
    document.querySelectorAll("a[data-area]").forEach((link) => link.addEventListener("click", () => {
      reset();
      area.value = link.dataset.area;
      filter();
    }));
    // A link to what the filter hides shows it.
    const reveal = () => {
      const target = byId(decodeURIComponent(location.hash.slice(1)));
      if (!target) return;
      const closed = target.closest("details:not([open])");
      if (!target.hidden && !closed) return;
      if (target.closest("[hidden]")) reset();
      if (closed) closed.open = true;
      target.scrollIntoView();
    };
    addEventListener("hashchange", reveal);

    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !event.target.closest("input, select, textarea")) {
        event.preventDefault();
        search.focus();
      } else if (event.key === "Escape" && event.target === search) {
        search.value = "";
        filter();
      }
    });
    byId("theme").addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      store.set(root.dataset.theme);
    });
    filter();
  });
})();
