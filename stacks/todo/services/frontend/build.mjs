// Makes dist/ from src/: checks that every module parses and that every file which is referred to exists, then copies.
// The page needs no bundler: browsers load modules by themselves.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const source = new URL("src", import.meta.url).pathname;
const target = process.argv[2] ?? new URL("dist", import.meta.url).pathname;
const REFERENCE = /(?:from\s+|src=|href=)"(\.\/[^"]+)"/g;

for (const file of readdirSync(source)) {
  const path = join(source, file);
  if (file.endsWith(".js")) execFileSync(process.execPath, ["--input-type=module", "--check"], { input: readFileSync(path) });
  for (const [, name] of readFileSync(path, "utf8").matchAll(REFERENCE)) {
    if (!existsSync(join(dirname(path), name))) throw new Error(`${file} refers to ${name}, which does not exist`);
  }
}
rmSync(target, { recursive: true, force: true });
cpSync(source, target, { recursive: true });
