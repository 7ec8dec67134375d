// Puts the page together: settings, connection, theme, pods, keys.
import { startAgent } from "./agent.js";
import { onPod, readSettings } from "./api.js";
import { $ } from "./dom.js";
import { refresh, startTasks } from "./tasks.js";

const THEMES = { auto: ["Auto", "follows the system"], light: ["Light", "light"], dark: ["Dark", "dark"] };
const SLOWEST = 30;
let settings = { title: "Tasks", banner: "", refresh_seconds: 5 };
let failures = 0;
let timer;

/** Shows whether the backend answers; a refusal is an answer. */
function outcome(error) {
  const lost = Boolean(error && !error.reachable);
  failures = lost ? failures + 1 : 0;
  const state = lost ? "lost" : "live";
  if ($("#connection").dataset.state !== state) {
    $("#connection").dataset.state = state;
    $("#connection").textContent = lost ? "backend not reachable" : "live";
  }
  $("#trouble").hidden = !error;
  if (error) $("#trouble").textContent = lost ? "The backend does not answer. What you see may be old; this page keeps trying." : error.message;
}

/** Refreshes while the page is seen; after failures ever more slowly. */
async function tick() {
  clearTimeout(timer);
  if (!document.hidden) await Promise.all([refresh(), applySettings()]);
  schedule();
}

function schedule() {
  clearTimeout(timer);
  const pause = failures ? Math.min(SLOWEST, 2 ** failures) : settings.refresh_seconds;
  timer = setTimeout(tick, pause * 1000);
}

/** settings.json comes from a mounted ConfigMap: a change of it shows without a reload. */
async function applySettings() {
  try {
    const read = await readSettings();
    settings = { ...settings, ...read, refresh_seconds: Math.max(1, Number(read.refresh_seconds) || 5) };
  } catch {
    return; // the last ones still hold
  }
  document.title = settings.title;
  $("#title").textContent = settings.title;
  $("#banner").textContent = settings.banner;
  $("#banner").hidden = !settings.banner;
}

function startTheme() {
  let theme = localStorage.getItem("theme") ?? "auto";
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    $("#theme").textContent = THEMES[theme][0];
    $("#theme").ariaLabel = `Theme: ${THEMES[theme][1]}`;
  };
  $("#theme").addEventListener("click", () => {
    const names = Object.keys(THEMES);
    theme = names[(names.indexOf(theme) + 1) % names.length];
    localStorage.setItem("theme", theme);
    apply();
  });
  if (!THEMES[theme]) theme = "auto";
  apply();
}

function startPods() {
  onPod((service, pod) => {
    $(`#pod-${service}`).textContent = pod;
  });
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input:not([type=checkbox])") || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = { n: "#new-title", "/": "#message" }[event.key];
  if (!field) return;
  event.preventDefault();
  $(field).focus();
});
document.addEventListener("visibilitychange", () => document.hidden || tick());

startTheme();
startPods();
startAgent(refresh);
await Promise.all([startTasks(outcome), applySettings()]);
schedule();
