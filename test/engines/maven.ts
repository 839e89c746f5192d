import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { findProgram } from '../support/engine.ts'

/** What Maven Central calls a jar. */
export interface Artifact {
  readonly group: string
  readonly name: string
  readonly version: string
}

export function isMavenHere(): boolean {
  return findProgram('mvn') !== null
}

/** Copies artifacts with all they need at run time into `directory`. */
export async function copyClosure(
  artifacts: readonly Artifact[],
  directory: string,
  scratch: string,
): Promise<void> {
  await writeProject(scratch, 'closure', artifacts)
  await runMaven([
    ...inProject(scratch),
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${directory}`,
  ])
}

/** Copies one file, of a packaging as Maven writes it, such as `tar.gz:all`, into `directory`. */
export async function copyArtifact(
  { group, name, version }: Artifact,
  packaging: string,
  directory: string,
): Promise<void> {
  await runMaven([
    'dependency:copy',
    `-Dartifact=${group}:${name}:${version}:${packaging}`,
    `-DoutputDirectory=${directory}`,
  ])
}

/** For each named list the files of its artifacts with all they need at run time, in Maven's own repository. */
export async function resolveClosures(
  lists: ReadonlyMap<string, readonly Artifact[]>,
  scratch: string,
): Promise<ReadonlyMap<string, string>> {
  for (const [name, artifacts] of lists) {
    await writeProject(join(scratch, name), name, artifacts, parent)
  }
  const modules = [...lists.keys()].map((name) => `<module>${name}</module>`).join('')
  await writeFile(
    join(scratch, 'pom.xml'),
    project(`${coordinates(parent)}<packaging>pom</packaging><modules>${modules}</modules>`),
  )
  await runMaven([
    ...inProject(scratch),
    'dependency:build-classpath',
    '-DincludeScope=runtime',
    '-Dmdep.outputFile=class-path',
  ])
  return new Map([...lists.keys()].map((name) => [name, join(scratch, name, 'class-path')]))
}

const parent: Artifact = { group: 'test.engines', name: 'all', version: '1' }

async function writeProject(
  directory: string,
  name: string,
  artifacts: readonly Artifact[],
  above?: Artifact,
): Promise<void> {
  await mkdir(directory, { recursive: true })
  const own =
    above === undefined
      ? coordinates({ group: 'test.engines', name, version: '1' })
      : `<parent>${coordinates(above)}</parent><artifactId>${name}</artifactId>`
  const needs = artifacts.map((each) => `<dependency>${coordinates(each)}</dependency>`).join('')
  await writeFile(
    join(directory, 'pom.xml'),
    project(`${own}<packaging>pom</packaging><dependencies>${needs}</dependencies>`),
  )
}

function project(content: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>${content}</project>`
}

function coordinates({ group, name, version }: Artifact): string {
  return `<groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>`
}

function inProject(directory: string): readonly string[] {
  return ['-f', join(directory, 'pom.xml')]
}

async function runMaven(args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('mvn', ['-q', '-B', ...args])
  } catch (error) {
    const said = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(
      `Maven could not fetch an engine: ${said.stdout ?? ''}${said.stderr ?? String(error)}`,
      { cause: error },
    )
  }
}
