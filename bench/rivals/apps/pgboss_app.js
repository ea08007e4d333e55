// pg-boss on PostgreSQL. Its `work` fetches no more often than every half second (`worker`); `fetch` and `complete`,
// which that is made of, do so as fast as they can, by hundreds (`batch-worker`), by thousands (`large-batches`) and by
// tens of thousands (`huge-batches`).
const { writeFileSync } = require('fs')
const PgBoss = require('pg-boss')

const LOOPS = 4
const LARGE_LOOPS = 2
const data = { width: 200 }

async function single (boss, count) {
  for (let i = 0; i < count; i++) await boss.send('noop', data)
}

async function batch (boss, count) {
  for (let i = 0; i < count; i += 1000) {
    await boss.insert(Array.from({ length: 1000 }, () => ({ name: 'noop', data })))
  }
}

async function drain (boss, batchSize = 100) {
  for (;;) {
    const jobs = await boss.fetch('noop', { batchSize })
    if (jobs.length) await boss.complete('noop', jobs.map(job => job.id), { width: 200 })
    else await new Promise(resolve => setTimeout(resolve, 10))
  }
}

async function work (boss) {
  await boss.work('noop', { batchSize: 100, pollingIntervalSeconds: 0.5 }, async () => data)
}

async function main ([what, count]) {
  const boss = new PgBoss(process.env.STORE_URL)
  boss.on('error', error => console.error(error))
  await boss.start()
  await boss.createQueue('noop')
  const loop = {
    worker: work,
    'batch-worker': drain,
    'large-batches': boss => drain(boss, 1000),
    'huge-batches': boss => drain(boss, 10000)
  }[what]
  const loops = ['large-batches', 'huge-batches'].includes(what) ? LARGE_LOOPS : LOOPS
  if (loop && loop !== work) writeFileSync(process.env.BEGINS, String(Date.now() / 1000))
  if (loop) return Promise.all(Array.from({ length: loops }, () => loop(boss)))
  await boss.send('noop', data)
  const started = performance.now()
  await { single, batch }[what](boss, Number(count))
  console.log((performance.now() - started) / 1000)
  process.exit(0)
}

main(process.argv.slice(2))
