// One tab of Firefox, told by lines of JSON: { goto } or { evaluate, args, frame }; answers by lines.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({ browser: "firefox", executablePath: process.argv[2], headless: true });
const page = await browser.newPage();
const faults = [];
page.on("pageerror", (problem) => faults.push(problem.message));
page.on("console", (said) => faults.push(said.text()));

for await (const line of createInterface({ input: process.stdin })) {
  const { goto, evaluate, args } = JSON.parse(line);
  let answer;
  try {
    if (goto) {
      await page.goto("about:blank"); // one page's addresses differ after # alone
      await page.goto(goto);
      answer = { answer: await browser.version() };
    } else answer = { answer: (await page.evaluate(`(${evaluate})(...${JSON.stringify(args)})`)) ?? null, faults };
  } catch (problem) {
    answer = { error: String(problem.message) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
