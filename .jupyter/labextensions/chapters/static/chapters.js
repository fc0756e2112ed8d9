/* An extension of JupyterLab, in the form in which it loads one that is built: a chapter reads like its page.
   The pages are made by MyST-NB, which knows what the tags of a cell mean; JupyterLab does not. */
(() => {
  const FOLDED = {
    "hide-input": ["inputHidden"],
    "remove-input": ["inputHidden"],
    "hide-cell": ["inputHidden", "outputHidden"],
    "remove-cell": ["inputHidden", "outputHidden"],
  };
  const PATIENCE = 20000; // milliseconds

  /* Fold what the page folds. It is no change of the chapter: there would be something to save. */
  async function fold(cell) {
    const parts = (cell.model.getMetadata("tags") || []).flatMap((tag) => FOLDED[tag] || []);
    if (parts.length) {
      cell.syncCollapse = false;
      await cell.ready;
      parts.forEach((part) => (cell[part] = true));
    }
  }

  /* Scroll to the heading `id`, or to what a cell has printed with this id. jupyterlab-myst renders late, and JupyterLab
     looks for the heading only once. What is drawn or folded above it moves it, so scroll until all cells are there and
     it rests. A reader who scrolls meanwhile is left alone. */
  async function scrollTo(panel, id) {
    await panel.context.ready;
    const end = Date.now() + PATIENCE;
    let taken = false;
    const take = () => (taken = true);
    ["wheel", "keydown", "pointerdown"].forEach((event) => panel.node.addEventListener(event, take, { once: true }));
    for (let still = 0; still < 10 && Date.now() < end && !taken && !panel.isDisposed; ) {
      const target = panel.node.querySelector(
        `:is(.jp-RenderedMySTMarkdown, .jp-OutputArea-output) [id="${CSS.escape(id)}"]`,
      );
      if (target) {
        const top = target.getBoundingClientRect().top;
        target.scrollIntoView();
        const all = panel.node.querySelectorAll(".jp-Cell").length >= panel.content.widgets.length;
        still = all && target.getBoundingClientRect().top === top ? still + 1 : 0;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /* What a cell prints may link to a page of the book. There is none here: open its chapter instead. */
  function openChapter(app, panel, event) {
    const link = event.target.closest(".jp-OutputArea-output a");
    const [, name, id] = link?.getAttribute("href")?.match(/^([\w-]+)\.html(#.*)?$/) ?? [];
    if (name) {
      event.preventDefault();
      const path = panel.context.path.replace(/[^/]*$/, `${name}.md`);
      app.commands.execute("rendermime:handle-local-link", { path, id });
    }
  }

  const plugin = {
    id: "chapters:plugin",
    autoStart: true,
    activate: (app) =>
      app.docRegistry.addWidgetExtension("Jupytext Notebook", {
        createNew: (panel) => {
          panel.context.ready.then(() => panel.content.widgets.forEach(fold));
          panel.setFragment = (fragment) => scrollTo(panel, fragment.slice(1));
          panel.node.addEventListener("click", (event) => openChapter(app, panel, event));
        },
      }),
  };

  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("chapters.css", document.currentScript.src).href;
  document.head.append(style);

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB.chapters = { init: () => {}, get: () => () => ({ __esModule: true, default: plugin }) };
})();
