import { busContract } from '../../../contracts/bus.ts'
import { embeddedFixture } from './embedded/fixture.ts'

busContract('embedded bus', embeddedFixture)
