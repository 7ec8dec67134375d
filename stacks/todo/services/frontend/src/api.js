// The services as the page sees them. Every answer tells which pod gave it.

/** A service that did not answer, or refused. `reachable` is false when nobody answered at all. */
export class ServiceError extends Error {
  constructor(message, reachable) {
    super(message);
    this.reachable = reachable;
  }
}

const listeners = new Set();

/** Calls `listener(service, pod)` whenever a pod has answered. */
export const onPod = (listener) => listeners.add(listener);

const GATEWAY = new Set([502, 503, 504]);

async function request(service, path, { method = "GET", body, headers = {}, timeout = 12000 } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
    });
  } catch {
    throw new ServiceError(`The ${service} cannot be reached.`, false);
  }
  const pod = response.headers.get("x-pod-name");
  if (pod) for (const listener of listeners) listener(service, pod);
  if (response.ok) return response.status === 204 ? null : response.json();
  const detail = await response.json().then((answer) => answer.detail, () => null);
  const words = Array.isArray(detail) ? detail.map((problem) => problem.msg).join("; ") : detail;
  throw new ServiceError(words ?? `The ${service} does not answer (HTTP ${response.status}).`, !GATEWAY.has(response.status));
}

const tasks = "/api/tasks";

export const listTasks = (state, before) =>
  request("backend", `${tasks}?state=${state}&limit=50${before ? `&before=${before}` : ""}`);
export const countTasks = async (state) => (await request("backend", `${tasks}?state=${state}&limit=1`)).total;
/** The key makes it safe to send the same task again when no answer came. */
export const addTask = (title, key) =>
  request("backend", tasks, { method: "POST", body: { title }, headers: { "idempotency-key": key } });
export const changeTask = (id, change) => request("backend", `${tasks}/${id}`, { method: "PATCH", body: change });
export const deleteTask = (id) => request("backend", `${tasks}/${id}`, { method: "DELETE" });

export const ask = (message, history) =>
  request("agent", "/agent/chat", { method: "POST", body: { message, history }, timeout: 120000 });
export const aboutAgent = () => request("agent", "/agent/about");
export const readSettings = () => request("frontend", "/settings.json");
