import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { InterruptedError, listenForInterruption } from "../../../src/cli/imports/interruption.ts";

const later = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

test("one Ctrl-C counts once although npm repeats it, and the next one ends at once", async () => {
  const ended: string[] = [];
  const listeners = process.listenerCount("SIGINT");
  {
    using interruption = listenForInterruption((name) => ended.push(name));
    expect(interruption.signal.aborted).toBe(false);
    process.emit("SIGINT", "SIGINT");
    process.emit("SIGINT", "SIGINT");
    expect(interruption.signal.reason).toBeInstanceOf(InterruptedError);
    expect(ended).toEqual([]);
    await later(550);
    process.emit("SIGTERM", "SIGTERM");
    expect(ended).toEqual(["SIGTERM"]);
  }
  await later(0);
  expect(process.listenerCount("SIGINT")).toBe(listeners);
});

test("a repetition that arrives when the import has ended already ends nothing else", async () => {
  const ended: string[] = [];
  const listeners = process.listenerCount("SIGINT");
  {
    using _ = listenForInterruption((name) => ended.push(name));
    process.emit("SIGINT", "SIGINT");
  }
  expect(process.listenerCount("SIGINT")).toBe(listeners + 1);
  process.emit("SIGINT", "SIGINT");
  expect(ended).toEqual([]);
  await later(550);
  expect(process.listenerCount("SIGINT")).toBe(listeners);
});

test("a repetition that arrives while the process ends does not take its exit status from it", async () => {
  const module = new URL("../../../src/cli/imports/interruption.ts", import.meta.url);
  const interrupted = `
    import { listenForInterruption } from ${JSON.stringify(module.href)};
    const waiting = setInterval(() => {}, 1000);
    {
      using interruption = listenForInterruption();
      console.log("listens");
      await new Promise((done) => interruption.signal.addEventListener("abort", done));
    }
    clearInterval(waiting);
    console.log("has nothing left to do");
    process.exitCode = 1;`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", interrupted]);
  const ended = once(child, "exit");
  for (let signals = 0; signals < 2; signals++) {
    await once(child.stdout, "data");
    expect(child.kill("SIGINT")).toBe(true);
  }
  expect(await ended).toEqual([1, null]);
});
