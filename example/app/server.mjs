// The page of the example, without dependencies: what the service was told, and whether the database's proxy answers.
import { createServer } from "node:http";
import { connect } from "node:net";

const { HOST, PORT = "8080", DB_HOST, DB_PORT, DB_NAME, DB_SECRET_ARN } = process.env;

const reached = () =>
  new Promise((resolve) => {
    const socket = connect({ host: DB_HOST, port: Number(DB_PORT), timeout: 2000 });
    const end = (answer) => (socket.destroy(), resolve(answer));
    socket.once("connect", () => end("answers")).once("timeout", () => end("does not answer"));
    socket.once("error", (error) => end(`cannot be reached: ${error.code}`));
  });

const escaped = (text) => text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);

const page = async () => {
  const told = { DB_HOST, DB_PORT, DB_NAME, DB_SECRET_ARN };
  const rows = Object.entries(told).map(([name, value]) => `<tr><td>${name}<td>${escaped(value ?? "–")}`);
  return `<!doctype html><meta charset="utf-8"><title>infra</title>
<style>body { font: 16px/1.5 system-ui; margin: 4rem auto; max-width: 46rem } td { padding: .2rem 1rem .2rem 0 }</style>
<h1>The service runs</h1>
<p>It was told where its database is, and the proxy there ${escaped(await reached())}.</p>
<table>${rows.join("\n")}</table>`;
};

createServer(async (request, response) => {
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(request.url === "/" ? await page() : "");
}).listen(Number(PORT), HOST, () => console.log(`Listening on port ${PORT}`));

process.on("SIGTERM", () => process.exit(0));
