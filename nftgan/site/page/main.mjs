// The page: which view the address names, and the keys.
import { collection, drawable, pieces } from "./collection.mjs";
import { $ } from "./dom.mjs";
import { hasSale, openDrop } from "./drop.mjs";
import { focusFirst, galleryAddress, openGallery } from "./gallery.mjs";
import { leaveMorph, openMorph } from "./morph.mjs";
import { draw, leavePiece, openPiece } from "./piece.mjs";

let view = null;

function route() {
  const [, path, , query] = /^#?\/?([^?]*)(\?(.*))?$/s.exec(location.hash) ?? [];
  const piece = /^\d{1,7}$/.test(path ?? "") && pieces[Number(path)];
  const before = view;
  view = piece ? "piece" : path === "morph" && drawable ? "morph" : hasSale && (path === "sale" || collection.sale.hidden) ? "sale" : "gallery";
  leavePiece();
  leaveMorph();
  for (const name of ["gallery", "piece", "morph", "sale"]) $(`page-${name}`).hidden = name !== view;
  document.body.dataset.page = view === "gallery" ? "grid" : view;
  if (view === "gallery") openGallery(query ?? "");
  if (view === "piece") openPiece(piece.id);
  if (view === "morph") openMorph(query ?? "");
  if (view === "sale") openDrop(query ?? "");
  document.title = piece ? `${piece.name} · ${collection.name}` : collection.name;
  if (view !== "gallery") $("main").scrollTop = 0;
  if (before && before !== view && view !== "gallery") $(`page-${view}`).querySelector("h2").focus({ preventScroll: true });
}

function key(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, dialog")) return;
  const steps = { ArrowLeft: 0, ArrowRight: 1 };
  if (event.key === "?") $("keys").showModal();
  else if (event.key === "/" && view === "gallery") {
    $("filters").open = true;
    $("search").focus();
  } else if (event.key === "Escape" && view !== "gallery" && !collection.sale?.hidden) location.hash = galleryAddress();
  else if (event.key === "d" && view === "piece") draw();
  else if (view === "piece" && Object.hasOwn(steps, event.key)) {
    const to = $("page-piece").querySelectorAll(".step")[steps[event.key]];
    if (to.href) location.hash = new URL(to.href).hash;
  } else if (view === "gallery" && event.key === "ArrowDown" && event.target === document.body) focusFirst();
  else return;
  event.preventDefault();
}

document.body.classList.toggle("pixels", collection.pixelated);
document.documentElement.classList.toggle("clear", collection.transparent === true);
$("open-sale").hidden = !hasSale || collection.sale.hidden;
addEventListener("hashchange", route);
addEventListener("keydown", key);
$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the part after # is the page's own
  if (view === "gallery") focusFirst();
  else $(`page-${view}`).querySelector("h2").focus();
});
$("open-keys").addEventListener("click", () => $("keys").showModal());
$("close-keys").addEventListener("click", () => $("keys").close());
route();
