#!/usr/bin/env node
// Looks like a native solc to forge, and is solc-js: nothing is downloaded, and the compiler is the
// one that made the shipped artifacts.
const { existsSync, readFileSync, writeSync } = require('node:fs')
const { resolve } = require('node:path')
const solc = require('solc')

const args = process.argv.slice(2)
const write = text => {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error // a full pipe; forge will read on
    }
  }
}

if (args.includes('--version')) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, '')
  write(`solc, the solidity compiler commandline interface\nVersion: ${version}.Linux.g++\n`)
} else {
  const values = name => args.flatMap((arg, i) => (arg === name ? [args[i + 1]] : []))
  const roots = [...values('--base-path'), ...values('--include-path'), '']
  const find = path => {
    const found = roots.map(root => resolve(root, path)).find(existsSync)
    return found ? { contents: readFileSync(found, 'utf8') } : { error: `not found: ${path}` }
  }
  write(solc.compile(readFileSync(0, 'utf8'), { import: find }))
}
