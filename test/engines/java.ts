import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface Java {
  readonly home: string
  /** 17, 21, 25 … */
  readonly version: number
}

const installed = '/usr/lib/jvm'

/** The Java that JAVA_HOME_25 names, else the newest of those installed and JAVA_HOME; null where none is new enough. */
export function findJava(atLeast: number): Java | null {
  const named = javaAt(process.env['JAVA_HOME_25'])
  if (named !== null && named.version >= atLeast) return named
  const found = [process.env['JAVA_HOME'], ...directoriesOf(installed)]
    .map(javaAt)
    .filter((java) => java !== null)
    .sort((left, right) => right.version - left.version)
  const newest = found[0]
  return newest !== undefined && newest.version >= atLeast ? newest : null
}

/** What a test says that needs one and has none. */
export function aJava(atLeast: number): string {
  return `a Java of version ${atLeast} or newer (set JAVA_HOME_25 to its directory, or install one under ${installed})`
}

function directoriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name))
  } catch {
    return []
  }
}

function javaAt(home: string | undefined): Java | null {
  if (home === undefined) return null
  try {
    const release = readFileSync(join(home, 'release'), 'utf8')
    const version = /^JAVA_VERSION="(\d+)/m.exec(release)?.[1]
    return version === undefined ? null : { home, version: Number(version) }
  } catch {
    return null
  }
}
