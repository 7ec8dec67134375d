// The conversation with the agent, with the tools that it called.
import { aboutAgent, ask } from "./api.js";
import { $, element } from "./dom.js";

const SUGGESTIONS = ["What is open?", "Add buy milk", "Delete all done tasks"];
const ENGINES = { rules: "understands plain sentences", model: "language model" };
const REMEMBERED = 12;

const said = [];

/** Starts the conversation. `onChange` is called when tasks may have changed. */
export function startAgent(onChange) {
  greet();
  $("#ask").addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = $("#message");
    const message = field.value.trim();
    if (!message) return;
    field.value = "";
    await talk(message);
    onChange();
  });
  aboutAgent().then(
    ({ engine }) => ($("#engine").textContent = ENGINES[engine] ?? engine),
    () => ($("#engine").textContent = "not reachable"),
  );
}

function greet() {
  const buttons = SUGGESTIONS.map((words) => {
    const button = element("button", { type: "button", textContent: words });
    button.addEventListener("click", () => {
      $("#message").value = words;
      $("#ask").requestSubmit();
    });
    return button;
  });
  const hello = "Hello! Tell me what to do with your tasks, in your own words.";
  $("#talk").append(element("li", { className: "it" }, element("p", { textContent: hello }), element("div", { className: "suggestions" }, ...buttons)));
}

async function talk(message) {
  const send = $("#ask button");
  say("me", message);
  const waiting = say("it waiting", "…");
  send.disabled = true;
  try {
    const answer = await ask(message, said.slice(-REMEMBERED));
    said.push({ role: "user", content: message }, { role: "assistant", content: answer.reply });
    say("it", answer.reply, answer.calls);
  } catch (error) {
    say("it failed", error.message);
  } finally {
    waiting.remove();
    send.disabled = false;
    scroll();
  }
}

function say(who, words, calls = []) {
  const item = element("li", { className: who }, element("p", { textContent: words }));
  if (calls.length) item.append(shown(calls));
  $("#talk").append(item);
  scroll();
  return item;
}

function scroll() {
  $("#talk").scrollTop = $("#talk").scrollHeight;
}

function shown(calls) {
  const list = element("details", { className: "calls", open: true });
  list.append(element("summary", { textContent: `${calls.length} tool call${calls.length === 1 ? "" : "s"}` }));
  for (const { tool, arguments: given, ok, result } of calls) {
    const values = Object.entries(given).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    const words = `${ok ? "✓" : "✕"} ${tool}(${values.join(", ")})${ok ? "" : ` — ${result}`}`;
    list.append(element("code", { className: ok ? "" : "no", textContent: words }));
  }
  return list;
}
